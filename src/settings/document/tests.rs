use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn document(text: &str) -> Document {
    Document::parse("a.toml", text)
}

fn told(document: &Document) -> Vec<String> {
    document.faults().iter().map(ToString::to_string).collect()
}

#[test]
fn values_of_every_kind_are_read() {
    let text = "[one]\nword = 'b'\ntext = 'x'\ntexts = ['x', 'y']\nflag = true\nwhole = 3\nshare = 0.5\nnumbers = [1, 2.5]\n\
                wait = '1h30m'\nday = 2020-05-11\nother_day = '2020-05-12'\nat = 18:00:00\nother_at = '18:30'\n\
                [one.within]\nkey = 1\n[[one.list]]\nkey = 2\n[[one.list]]\nkey = 3\n";
    let document = document(text);
    let known = [
        "word",
        "text",
        "texts",
        "flag",
        "whole",
        "share",
        "numbers",
        "wait",
        "day",
        "other_day",
        "at",
        "other_at",
        "within",
        "list",
    ];
    let one = document.root(&["one"]).table("one", &known).unwrap();
    assert_eq!(one.choice("word", &[("a", 1), ("b", 2)]), Some(2));
    assert_eq!(one.string("text").as_deref(), Some("x"));
    assert_eq!(one.strings("texts"), Some(vec!["x".into(), "y".into()]));
    assert_eq!(one.boolean("flag"), Some(true));
    assert_eq!(one.integer("whole", 1..=3), Some(3));
    assert_eq!((one.number("share", 0.0..=1.0), one.number("whole", 0.0..=9.0)), (Some(0.5), Some(3.0)));
    assert_eq!(one.numbers("numbers", 0.0..=9.0), Some(vec![1.0, 2.5]));
    assert_eq!(one.duration("wait", SECOND..=SECOND * 9000), Some(SECOND * 5400));
    assert_eq!(one.date("day"), Some(jiff::civil::date(2020, 5, 11)));
    assert_eq!(one.date("other_day"), Some(jiff::civil::date(2020, 5, 12)));
    assert_eq!(one.time("at"), Some(jiff::civil::time(18, 0, 0, 0)));
    assert_eq!(one.time("other_at"), Some(jiff::civil::time(18, 30, 0, 0)));
    assert_eq!(one.table("within", &["key"]).unwrap().integer("key", 0..=9), Some(1));
    let list: Vec<_> = one.tables("list", &["key"]).iter().map(|table| table.integer("key", 0..=9)).collect();
    assert_eq!(list, [Some(2), Some(3)]);
    assert_eq!(told(&document), Vec::<String>::new());
}

#[test]
fn an_absent_key_is_none_and_a_fault_only_where_it_is_required() {
    let document = document("\n[target.week]\n");
    let week = document.root(&["target"]).named_tables("target", &["goal"]).remove(0);
    assert_eq!(week.name(), "week");
    assert_eq!((week.string("goal"), week.has("goal")), (None, false));
    assert_eq!(told(&document), Vec::<String>::new());
    week.requires(&["goal"]);
    assert_eq!(told(&document), ["target.week.goal (a.toml:2): is missing, and there is no default for it"]);
}

#[test]
fn every_fault_is_told_with_its_line_in_the_order_of_the_file() {
    let text = "tarjet = 1\n[target.week]\ngaol = 1\nperiod = 'wek'\n[target.day]\nwhole = 'x'\nnumber = 99999999999999999999\n\
                days = [\n  '2020-02-30',\n  3,\n]\nat = '8:00'\nlist = 4\nwait = 'soon'\nshare = nan\n[[target.day.item]]\nx = 1\n[[target.day.item]]\ny = 1\n";
    let document = document(text);
    let known = ["goal", "period", "whole", "number", "days", "at", "list", "wait", "share", "item"];
    for table in document.root(&["target"]).named_tables("target", &known) {
        table.choice("period", &[("day", 1), ("week", 2)]);
        let _ = (table.integer("whole", 0..=1), table.integer("number", 0..=1), table.dates("days"), table.time("at"));
        let _ = (table.tables("list", &[]), table.duration("wait", SECOND..=SECOND), table.number("share", 0.0..=1.0));
        let _ = table.tables("item", &["x"]);
    }
    let expected = [
        "tarjet (a.toml:1): no such key, the nearest is target",
        "target.week.gaol (a.toml:3): no such key, the nearest is goal",
        "target.week.period (a.toml:4): \"wek\" is none of day, week, the nearest is week",
        "target.day.whole (a.toml:6): is a string, expected a whole number from 0 to 1",
        "target.day.number (a.toml:7): is a number of more than 64 bits",
        "target.day.days (a.toml:9): \"2020-02-30\" is no date, write year, month and day as in \"2020-05-11\"",
        "target.day.days (a.toml:10): is a whole number, expected a string",
        "target.day.at (a.toml:12): \"8:00\" is no time of day, write hour and minute from \"00:00\" to \"23:59\"",
        "target.day.list (a.toml:13): is a whole number, expected a list of tables, write [[target.day.list]]",
        "target.day.wait (a.toml:14): \"soon\" is not a duration: write a whole number and a unit (ms, s, m, h, d, w), such as \"500ms\", \
         \"30s\", \"10m\", \"4h\" or \"92d\"",
        "target.day.share (a.toml:15): NaN is outside 0 to 1",
        "target.day.item.y (a.toml:19): no such key, known are x",
    ];
    assert_eq!(told(&document), expected);
}

#[test]
fn what_is_no_table_is_told_with_what_to_write() {
    let document = document("target = 1\n");
    assert!(document.root(&["target"]).named_tables("target", &[]).is_empty());
    assert!(document.root(&["target"]).table("target", &[]).is_none());
    let expected = [
        "target (a.toml:1): is a whole number, expected a table, write [target.NAME]",
        "target (a.toml:1): is a whole number, expected a table, write [target]",
    ];
    assert_eq!(told(&document), expected);
}

#[test]
fn a_text_that_is_not_toml_is_one_fault_with_its_line() {
    let document = document("a = 1\nb = = 2\nc = [\n");
    assert_eq!(document.root(&["a"]).keys().count(), 0);
    assert_eq!(told(&document).len(), 1);
    assert!(told(&document)[0].starts_with("a.toml:2: not TOML: "), "{:?}", told(&document));
}

#[test]
fn a_file_that_cannot_be_read_is_one_fault() {
    let document = Document::read(Path::new("/nowhere/b.toml"));
    assert_eq!(told(&document), ["/nowhere/b.toml: cannot be read: No such file or directory (os error 2)"]);
}

#[test]
fn a_pipe_is_no_file_that_is_kept() {
    let document = Document::of(&FileText::read_kept(Path::new("/dev/null")));
    assert_eq!(told(&document), ["/dev/null: is no file of text, name one"]);
}

#[test]
fn a_file_of_more_than_a_mebibyte_is_one_fault() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![b'#'; (1 << 20) + 1]).unwrap();
    let told = told(&Document::of(&FileText::read_kept(file.path())));
    assert!(
        told.len() == 1 && told[0].ends_with(": is larger than 1048576 bytes, which no configuration is"),
        "{told:?}"
    );
}

#[test]
fn where_a_table_stands_is_told_without_noting_faults() {
    let document = document("x = 1\n[calendar.a]\nodd = 1\n[target]\nb = 1\n");
    assert_eq!(document.origin_of("calendar", "a").as_deref(), Some("a.toml:2"));
    assert_eq!((document.origin_of("calendar", "b"), document.origin_of("x", "a")), (None, None));
    assert_eq!(told(&document), Vec::<String>::new());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in "[\\[\\]a-c.=,\"'{}0-9: \\-\n\\PC]{0,60}", key in "[a-c]") {
        let document = document(&text);
        let known = ["a", "b"];
        let root = document.root(&known);
        let tables = root.table(&key, &known).into_iter().chain(root.tables(&key, &known)).chain(root.named_tables(&key, &known));
        for table in tables.chain([root.clone()]) {
            let _ = (table.string(&key), table.strings(&key), table.boolean(&key), table.choice(&key, &[("a", 1)]));
            let _ = (table.integer(&key, 0..=5), table.number(&key, 0.0..=1.0), table.numbers(&key, 0.0..=1.0));
            let _ = (table.date(&key), table.dates(&key), table.time(&key), table.duration(&key, SECOND..=SECOND));
            table.requires(&[&key]);
        }
        let _ = told(&document);
    }
}
