//! The table of settings in the documentation matches the code. `UPDATE_SETTINGS=1` writes the table.

use std::{fs, path::Path};

use docent::config::options::options;

const START: &str = "<!-- settings -->\n";
const END: &str = "<!-- /settings -->";

fn table() -> String {
    let mut table = String::from("| setting | default | what it means |\n| --- | --- | --- |\n");
    for option in options() {
        let default = option.default.map_or_else(|| "-".to_owned(), |default| format!("`{default}`"));
        let meaning = option.doc.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        table.extend(["| `", &option.key, "` | ", &default, " | ", &meaning, " |\n"]);
    }
    table
}

#[test]
fn every_setting_is_documented_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(START).unwrap();
    let (documented, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_SETTINGS").is_some() {
        fs::write(&path, format!("{before}{START}{}{END}{after}", table())).unwrap();
        return;
    }
    assert_eq!(documented, table(), "run the tests with UPDATE_SETTINGS=1 to write the table");
}
