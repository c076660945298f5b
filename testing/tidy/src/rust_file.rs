/// A file of Rust code, read line by line: exact enough, since everything is formatted by rustfmt.
pub struct RustFile {
    path: String,
    text: String,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// The line that it begins on, counted from 1.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// The lines from its `fn` to its closing brace.
    pub lines: usize,
}

impl RustFile {
    /// A file with that path below the root.
    pub fn new(path: &str, text: String) -> Self {
        Self { path: path.to_owned(), text }
    }

    /// Its path below the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its text, comments and tests included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether all of it is tests.
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.split('/').any(|folder| folder == "tests") || name == "tests.rs" || name == "golden.rs"
    }

    /// The lines before the module of unit tests.
    pub fn lines_before_tests(&self) -> usize {
        let tests = self.text.lines().position(|line| line == "#[cfg(test)]");
        tests.unwrap_or_else(|| self.text.lines().count())
    }

    /// Lines of code before the module of unit tests, each with its number from 1 and without its comment.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take(self.lines_before_tests()).enumerate();
        lines.map(|(index, line)| (index + 1, without_comment(line)))
    }

    /// Every function with a body before the module of unit tests.
    pub fn functions(&self) -> Vec<Function> {
        let code: Vec<_> = self.code().collect();
        code.iter().enumerate().filter_map(|(index, (line, _))| function(*line, &code[index..])).collect()
    }
}

/// Cuts a comment off. A `//` within a literal is taken for one too, unless it follows a colon as in a URL.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(index, _)| !line[..*index].ends_with(':'));
    comment.map_or(line, |(index, _)| &line[..index])
}

/// The function that begins on the first of these lines, if one does.
fn function(line: usize, code: &[(usize, &str)]) -> Option<Function> {
    let (_, first) = code.first()?;
    let words = first.trim_start();
    let indent = &first[..first.len() - words.len()];
    let (before, after) = words.split_once("fn ")?;
    if !before.split(' ').all(is_qualifier) {
        return None;
    }
    let name = after.split(|character: char| !character.is_alphanumeric() && character != '_').next()?;
    let mut opened = false;
    for (index, (_, text)) in code.iter().enumerate() {
        opened |= text.contains('{');
        let text = text.trim_end();
        if !opened && text.ends_with(';') {
            return None;
        }
        let closed_at_once = index == 0 && opened && text.ends_with('}');
        if closed_at_once || (index > 0 && text.strip_prefix(indent) == Some("}")) {
            return Some(Function { line, name: name.to_owned(), lines: index + 1 });
        }
    }
    None
}

/// Whether a word may stand before `fn`.
fn is_qualifier(word: &str) -> bool {
    word.is_empty() || word.starts_with("pub") || ["const", "async", "unsafe", "extern"].contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_reaches_to_its_closing_brace() {
        let text = "impl A {\n    pub(crate) async fn long(\n        a: u8,\n    ) -> u8 {\n        if a > 1 {\n        }\n        a\n    }\n\n    fn short() {}\n}\n";
        let file = RustFile::new("a.rs", text.to_owned());
        let functions = [
            Function { line: 2, name: "long".to_owned(), lines: 7 },
            Function { line: 10, name: "short".to_owned(), lines: 1 },
        ];
        assert_eq!(file.functions(), functions);
    }

    #[test]
    fn a_declaration_and_a_function_pointer_are_no_functions() {
        let text = "trait A {\n    fn a(\n        b: u8,\n    ) -> u8;\n}\nstruct B {\n    c: fn (u8),\n}\n";
        assert_eq!(RustFile::new("a.rs", text.to_owned()).functions(), []);
    }

    #[test]
    fn tests_and_comments_are_not_code() {
        let text = "let url = \"http://a\"; // why\n#[cfg(test)]\nmod tests {}\n";
        let file = RustFile::new("a.rs", text.to_owned());
        assert_eq!(file.code().collect::<Vec<_>>(), [(1, "let url = \"http://a\"; ")]);
    }
}
