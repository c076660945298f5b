use crate::error::Error;
use crate::expression::{Expression, Field, Function, Link, Literal, Operator};
use crate::filter::EXPRESSION_DEPTH_MAX;
use crate::lexer::{Lexer, Token};

/// How tightly operators bind, loosest first. `not` and primaries bind tighter than all of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Or,
    And,
    Comparison,
}

impl Level {
    fn of(operator: Operator) -> Self {
        match operator {
            Operator::Or => Self::Or,
            Operator::And => Self::And,
            _ => Self::Comparison,
        }
    }
}

/// Reads a filter by recursive descent, one token ahead.
pub(crate) struct Parser<'t> {
    lexer: Lexer<'t>,
    next: Token<'t>,
    /// Where `next` begins, in bytes.
    offset: usize,
    /// How many parentheses, calls, lists and `not` are open. Nothing else recurses without bound.
    depth: usize,
}

impl<'t> Parser<'t> {
    pub(crate) fn new(text: &'t str) -> Result<Self, Error> {
        let mut lexer = Lexer::new(text);
        let (next, offset) = lexer.next()?;
        Ok(Self { lexer, next, offset, depth: 0 })
    }

    pub(crate) fn parse(mut self) -> Result<Expression, Error> {
        let expression = self.expression()?;
        match self.next {
            Token::End => Ok(expression),
            Token::Word(word) => {
                Err(Error::NotSupported { expression: self.filter(), token: word.to_owned() })
            }
            _ => Err(Error::OperatorExpected { filter: self.filter(), position: self.position() }),
        }
    }

    fn expression(&mut self) -> Result<Expression, Error> {
        self.chain(Level::Or)
    }

    fn chain(&mut self, level: Level) -> Result<Expression, Error> {
        let mut left = self.operand(level)?;
        loop {
            let Token::Word(word) = self.next else {
                return Ok(left);
            };
            let link = match Operator::named(word) {
                Some(operator) if Level::of(operator) == level => {
                    self.advance()?;
                    Link::Binary(operator, self.operand(level)?)
                }
                None if level == Level::Comparison && word == "in" => {
                    self.advance()?;
                    self.collection()?
                }
                _ => return Ok(left),
            };
            left = left.linked(link);
        }
    }

    /// What stands beside an operator of this level.
    fn operand(&mut self, level: Level) -> Result<Expression, Error> {
        match level {
            Level::Or => self.chain(Level::And),
            Level::And => self.chain(Level::Comparison),
            Level::Comparison => self.unary(),
        }
    }

    /// The right side of `in`. A parenthesis always begins a list; empty items are skipped, as the service
    /// does.
    fn collection(&mut self) -> Result<Link, Error> {
        if self.next != Token::Open {
            return self.unary().map(Link::InCollection);
        }
        self.advance()?;
        let mut items = Vec::new();
        loop {
            match self.next {
                Token::Comma => {}
                Token::Close if items.is_empty() => return Err(self.expression_expected()),
                Token::Close => break,
                _ => items.push(self.nested(Self::expression)?),
            }
            if !self.another()? {
                break;
            }
        }
        self.close()?;
        Ok(Link::InList(items))
    }

    fn unary(&mut self) -> Result<Expression, Error> {
        if self.next != Token::Word("not") {
            return self.primary();
        }
        self.advance()?;
        Ok(Expression::Not(Box::new(self.nested(Self::unary)?)))
    }

    fn primary(&mut self) -> Result<Expression, Error> {
        if matches!(self.next, Token::Close | Token::Comma | Token::End) {
            return Err(self.expression_expected());
        }
        Ok(Expression::Literal(match self.advance()? {
            Token::Word(word) => return self.word(word),
            Token::Text(text) => Literal::Text(text.into()),
            Token::Int(value) => Literal::Int(value),
            Token::Number(written) => Literal::Unsupported(written.into()),
            _ => return self.parenthesised(),
        }))
    }

    fn parenthesised(&mut self) -> Result<Expression, Error> {
        let inner = self.nested(Self::expression)?;
        self.close()?;
        Ok(inner)
    }

    fn word(&mut self, word: &str) -> Result<Expression, Error> {
        if self.next == Token::Open {
            let (written, function) = (word.into(), Function::named(word));
            return Ok(Expression::Call { written, function, arguments: self.arguments()? });
        }
        Ok(match word {
            "null" => Expression::Literal(Literal::Null),
            "true" => Expression::Literal(Literal::Bool(true)),
            "false" => Expression::Literal(Literal::Bool(false)),
            name => Expression::Name { written: name.into(), field: Field::named(name) },
        })
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, Error> {
        self.advance()?;
        let mut arguments = Vec::new();
        if self.next != Token::Close {
            arguments.push(self.nested(Self::expression)?);
            while self.another()? {
                arguments.push(self.nested(Self::expression)?);
            }
        }
        self.close()?;
        Ok(arguments)
    }

    /// Reads a comma if there is one.
    fn another(&mut self) -> Result<bool, Error> {
        let comma = self.next == Token::Comma;
        if comma {
            self.advance()?;
        }
        Ok(comma)
    }

    fn close(&mut self) -> Result<(), Error> {
        if self.next == Token::Close {
            return self.advance().map(|_| ());
        }
        Err(Error::CloseExpected { filter: self.filter(), position: self.position() })
    }

    /// Every recursion passes here, so that hostile nesting ends in an error and not in an exhausted stack.
    fn nested(&mut self, part: fn(&mut Self) -> Result<Expression, Error>) -> Result<Expression, Error> {
        if self.depth == EXPRESSION_DEPTH_MAX {
            return Err(Error::TooDeep { filter: self.filter() });
        }
        self.depth += 1;
        let expression = part(self);
        self.depth -= 1;
        expression
    }

    fn advance(&mut self) -> Result<Token<'t>, Error> {
        let (next, offset) = self.lexer.next()?;
        self.offset = offset;
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn expression_expected(&self) -> Error {
        Error::ExpressionExpected { filter: self.filter(), position: self.position() }
    }

    fn position(&self) -> usize {
        self.lexer.position(self.offset)
    }

    fn filter(&self) -> String {
        self.lexer.text().to_owned()
    }
}
