use std::path::Path;

use super::*;

fn document(text: &str) -> Document {
    Document::parse("a.toml", text)
}

fn faults_of(document: &Document) -> Vec<String> {
    document.faults().iter().map(ToString::to_string).collect()
}

#[test]
fn values_of_every_kind_are_read() {
    let text = "[one]\nword = 'b'\ntext = 'x'\nflag = true\nwhole = 3\nshare = 0.5\nnumbers = [1, 2.5]\n\
                day = 2020-05-11\nother_day = '2020-05-12'\n\
                [one.within]\nkey = 1\n[[one.list]]\nkey = 2\n[[one.list]]\nkey = 3\n";
    let document = document(text);
    let known = ["word", "text", "flag", "whole", "share", "numbers", "day", "other_day", "within", "list"];
    let one = document.root(&["one"]).table("one", &known).unwrap();
    assert_eq!(one.choice("word", &[("a", 1), ("b", 2)]), Some(2));
    assert_eq!(one.string("text").as_deref(), Some("x"));
    assert_eq!(one.boolean("flag"), Some(true));
    assert_eq!(one.integer("whole", 1..=3), Some(3));
    assert_eq!((one.number("share", 0.0..=1.0), one.number("whole", 0.0..=9.0)), (Some(0.5), Some(3.0)));
    assert_eq!(one.numbers("numbers", 0.0..=9.0), Some(vec![1.0, 2.5]));
    assert_eq!(one.date("day"), Some(jiff::civil::date(2020, 5, 11)));
    assert_eq!(one.date("other_day"), Some(jiff::civil::date(2020, 5, 12)));
    assert_eq!(one.table("within", &["key"]).unwrap().integer("key", 0..=9), Some(1));
    let list: Vec<_> = one.tables("list", &["key"]).iter().map(|table| table.integer("key", 0..=9)).collect();
    assert_eq!(list, [Some(2), Some(3)]);
    assert_eq!(faults_of(&document), Vec::<String>::new());
}

#[test]
fn an_absent_key_is_a_fault_only_if_required() {
    let document = document("\n[target.week]\n");
    let week = document.root(&["target"]).named_tables("target", &["goal"]).remove(0);
    assert_eq!(week.name(), "week");
    assert_eq!((week.string("goal"), week.has("goal")), (None, false));
    assert_eq!(faults_of(&document), Vec::<String>::new());
    week.requires(&["goal"]);
    assert_eq!(faults_of(&document), ["target.week.goal (a.toml:2): is missing and has no default"]);
}

#[test]
fn faults_have_their_lines_and_the_order_of_the_file() {
    let text = "tarjet = 1\n[target.week]\ngaol = 1\nperiod = 'wek'\n[target.day]\nwhole = 'x'\nnumber = 99999999999999999999\n\
                days = [\n  '2020-02-30',\n  3,\n]\nlist = 4\nshare = nan\n[[target.day.item]]\nx = 1\n[[target.day.item]]\ny = 1\n";
    let document = document(text);
    let known = ["goal", "period", "whole", "number", "days", "list", "share", "item"];
    for table in document.root(&["target"]).named_tables("target", &known) {
        table.choice("period", &[("day", 1), ("week", 2)]);
        let _ = (table.integer("whole", 0..=1), table.integer("number", 0..=1), table.dates("days"));
        let _ = (table.tables("list", &[]), table.number("share", 0.0..=1.0));
        let _ = table.tables("item", &["x"]);
    }
    let expected = [
        "tarjet (a.toml:1): no such key; did you mean target?",
        "target.week.gaol (a.toml:3): no such key; did you mean goal?",
        "target.week.period (a.toml:4): \"wek\" is not one of day, week; did you mean week?",
        "target.day.whole (a.toml:6): is a string, expected a whole number from 0 to 1",
        "target.day.number (a.toml:7): is a whole number of more than 64 bits",
        "target.day.days (a.toml:9): \"2020-02-30\" is not a date; write year, month and day, as in \"2020-05-11\"",
        "target.day.days (a.toml:10): is a whole number, expected a string",
        "target.day.list (a.toml:12): is a whole number, expected a list of tables; write [[target.day.list]]",
        "target.day.share (a.toml:13): NaN is outside 0 to 1",
        "target.day.item.y (a.toml:17): no such key; known keys: x",
    ];
    assert_eq!(faults_of(&document), expected);
}

#[test]
fn a_fault_of_a_missing_table_says_what_to_write() {
    let document = document("target = 1\n");
    assert!(document.root(&["target"]).named_tables("target", &[]).is_empty());
    assert!(document.root(&["target"]).table("target", &[]).is_none());
    let expected = [
        "target (a.toml:1): is a whole number, expected a table; write [target.NAME]",
        "target (a.toml:1): is a whole number, expected a table; write [target]",
    ];
    assert_eq!(faults_of(&document), expected);
}

#[test]
fn a_text_that_is_not_toml_is_one_fault_with_its_line() {
    let document = document("a = 1\nb = = 2\nc = [\n");
    assert!(!document.root(&["a"]).has("a"));
    assert_eq!(faults_of(&document).len(), 1);
    assert!(faults_of(&document)[0].starts_with("a.toml:2: not TOML: "), "{:?}", faults_of(&document));
}

#[test]
fn a_file_that_cannot_be_read_is_one_fault() {
    let document = Document::read(Path::new("/nowhere/b.toml"));
    assert_eq!(faults_of(&document), ["/nowhere/b.toml: cannot be read: No such file or directory (os error 2)"]);
}

#[test]
fn a_device_is_not_a_regular_file() {
    let document = Document::of(&FileText::read_all(&[Path::new("/dev/null").to_owned()])[0]);
    assert_eq!(faults_of(&document), ["/dev/null: is not a regular file; name a text file"]);
}

#[test]
fn a_file_of_more_than_a_mebibyte_is_one_fault() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![b'#'; (1 << 20) + 1]).unwrap();
    let faults = faults_of(&Document::of(&FileText::read_all(&[file.path().to_owned()])[0]));
    assert!(
        faults.len() == 1 && faults[0].ends_with(": is larger than 1048576 bytes, the limit of a configuration file"),
        "{faults:?}"
    );
}

#[test]
fn the_origin_of_a_table_is_found_without_faults() {
    let document = document("x = 1\n[calendar.a]\nodd = 1\n[target]\nb = 1\n");
    assert_eq!(document.origin_of("calendar", "a").as_deref(), Some("a.toml:2"));
    assert_eq!((document.origin_of("calendar", "b"), document.origin_of("x", "a")), (None, None));
    let document = Document::parse("a.toml", "[target.a]\ngoal = 1\nstates = [\n'MX-JAL']\n");
    assert_eq!(document.origin_of_key("target", "a", "states").as_deref(), Some("a.toml:3"));
    assert_eq!(document.origin_of_key("target", "a", "queues"), None);
    assert_eq!(faults_of(&document), Vec::<String>::new());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in "[\\[\\]a-c.=,\"'{}0-9: \\-\n\\PC]{0,60}", key in "[a-c]") {
        let document = document(&text);
        let known = ["a", "b"];
        let root = document.root(&known);
        let tables = root.table(&key, &known).into_iter().chain(root.tables(&key, &known)).chain(root.named_tables(&key, &known));
        for table in tables.chain([root.clone()]) {
            let _ = (table.string(&key), table.boolean(&key), table.choice(&key, &[("a", 1)]));
            let _ = (table.integer(&key, 0..=5), table.number(&key, 0.0..=1.0), table.numbers(&key, 0.0..=1.0));
            let _ = (table.date(&key), table.dates(&key));
            table.requires(&[&key]);
        }
        let _ = faults_of(&document);
    }
}
