//! The settings as a page of the documentation.

use super::definitions::Setting;

/// The page: `docs/settings.md` is what this returns.
pub fn markdown(settings: &[Setting]) -> String {
    let mut page = String::from(
        "# Settings\n\n\
         Every setting of `offhook run`, as `offhook settings --markdown` prints them. A flag counts for more than a variable, and a variable\n\
         for more than a line of the file in `OFFHOOK_SETTINGS` (`/etc/offhook/offhook.env`), which `offhook settings` prints and\n\
         `offhook setup` writes. A secret can be given as the path of a file, `…_FILE`: that shows in no list of processes.\n",
    );
    let mut heading = "";
    for setting in settings {
        if setting.heading != heading {
            heading = &setting.heading;
            page += &format!("\n## {heading}\n\n| variable | flag | default | what |\n|---|---|---|---|\n");
        }
        let default = setting.default.as_deref().filter(|default| !default.is_empty());
        let default = default.map(|default| format!("`{default}`")).unwrap_or_default();
        let choices = if setting.choices.is_empty() { String::new() } else { format!(": `{}`", setting.choices.join("` or `")) };
        let help = setting.help.replace('|', "\\|").replace('*', "\\*");
        page += &format!("| `{}` | `{}` | {default} | {help}{choices} |\n", setting.name, setting.flag);
    }
    page
}
