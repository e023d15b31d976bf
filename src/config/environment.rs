//! The names of all environment variables that the settings depend on, apart from those of AWS (`aws_keys`).

/// The prefix of the variables of this program.
const PREFIX: &str = "DROPSCOPE_";

/// The variable of a flag: `keep-alive` is `DROPSCOPE_KEEP_ALIVE`.
pub fn variable_of(flag: &str) -> String {
    format!("{PREFIX}{}", flag.replace('-', "_").to_uppercase())
}

/// The password of the broker. It has no flag, because every user of the computer could read it.
pub const PASSWORD: &str = "DROPSCOPE_PASSWORD";
/// The variable of `--username`.
pub const USERNAME: &str = "DROPSCOPE_USERNAME";
/// The variable of `--password-file`.
pub const PASSWORD_FILE: &str = "DROPSCOPE_PASSWORD_FILE";
/// The e-mail address of the Navien account.
pub const NAVIEN_EMAIL: &str = "NAVIEN_EMAIL";
/// The password of the Navien account.
pub const NAVIEN_PASSWORD: &str = "NAVIEN_PASSWORD";

/// Any value that is not empty turns colors off (<https://no-color.org>).
pub const NO_COLOR: &str = "NO_COLOR";
/// The kind of terminal; `dumb` has neither colors nor Unicode.
pub const TERM: &str = "TERM";
/// Columns of the terminal, as shells export them.
pub const COLUMNS: &str = "COLUMNS";
/// The locale, the first that is set.
pub const LOCALE: [&str; 3] = ["LC_ALL", "LC_CTYPE", "LANG"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_have_the_names_of_their_flags() {
        assert_eq!(
            (variable_of("username"), variable_of("password-file")),
            (USERNAME.into(), PASSWORD_FILE.into())
        );
        assert_eq!(variable_of("password"), PASSWORD);
    }
}
