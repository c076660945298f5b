/// Which issuer is trusted, and whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The table of the configuration that it stands in, for errors in words.
    pub table: &'static str,
    /// The setting in it that says what tokens must be made for.
    pub audience_setting: &'static str,
    /// The issuer's URL, as its tokens name it (`iss`).
    pub issuer: String,
    /// What its tokens must be made for (`aud`).
    pub audience: String,
    /// Roles, groups, and ids of users and applications that may do everything.
    pub owners: Vec<String>,
    /// Those that may look.
    pub readers: Vec<String>,
}

impl Settings {
    /// The audience of Microsoft Entra ID for this kind of service.
    pub const AUDIENCE: &str = "https://webpubsub.azure.com";
}
