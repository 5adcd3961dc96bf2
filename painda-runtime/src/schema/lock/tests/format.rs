//! The text: what is read and written, and what is refused at its line.

use super::*;

/// The schema in the first format.
fn first_format() -> String {
    OLD.replace("painda-lock 2", "painda-lock 1").replace("depth 64\n", "")
}

#[test]
fn the_text_is_read_as_it_is_written() {
    let lock = read(OLD).unwrap();
    let written = write(&lock);
    assert!(written.ends_with(OLD), "{written}");
    let with_carriage_returns = written.replace('\n', "\r\n");
    assert_eq!(write(&read(&with_carriage_returns).unwrap()), written);
    for name in ["a \"b\" \\ c", "tab\tbell\u{7}\u{301}", "größe →"] {
        let mut lock = lock.clone();
        lock.events[0].name = name.into();
        let again = read(&write(&lock)).unwrap();
        assert_eq!((&*again.events[0].name, write(&again)), (name, write(&lock)));
    }
}

#[test]
fn text_that_is_no_lock_file_is_refused_at_its_line() {
    let error = |text: &str| read(text).unwrap_err().to_string();
    assert_eq!(error(""), "line 1: painda-lock 2 is expected, not ``");
    assert_eq!(error("# comment\npainda-locks 2\n"), "line 2: painda-lock 2 is expected, not `painda-locks 2`");
    assert_eq!(
        error("painda-lock 3\n"),
        "line 1: the file has the format 3, and this painda-runtime knows 2; update it"
    );
    let merged = OLD.replace("  y: f32\n", "<<<<<<< ours\n  y: f32\n");
    assert_eq!(
        error(&merged),
        "line 7: `<<<<<<< ours` is a mark that git has left; keep the lines that belong to the code, without marks"
    );
    let other = error(&OLD.replace("reserved 9", "reserves 9"));
    assert!(
        other.starts_with("line 25: `event`, `struct`, `enum` or `reserved` is expected, not `reserves 9"),
        "{other}"
    );
    assert!(error(&OLD.replace("target: u32", "target")).starts_with("line 10: a field's name and type is expected"));
}

/// What a merge makes of two versions of a file, and what an editor does.
#[test]
fn contradicting_lines_are_refused_with_both_numbers() {
    let event = "event 1 \"player:move\" arena::PlayerMove\n  x: f32\n  y: f32\n";
    let weapon = "enum arena::Weapon\n  0 Fist\n  1 Bow\n";
    let twice = "is there a second time, first in line";
    let lost = "take its lines from an older version of the file";
    for (from, to, line, problem) in [
        // Twice, as it is or changed.
        (event, format!("{event}\n{event}"), 9, format!("the id 1 {twice} 5")),
        (
            event,
            format!("{event}{}", event.replace("event 1", "event 3")),
            8,
            format!("the event \"player:move\" {twice} 5"),
        ),
        (event, format!("{event}{}", event.replace("er:move\"", "er:go\"")), 8, format!("the id 1 {twice} 5")),
        (
            event,
            format!("{event}event 3 \"player:go\" arena::PlayerMove\n"),
            8,
            format!("the event's type `arena::PlayerMove` {twice} 5"),
        ),
        ("  y: f32\n", "  y: f32\n  x: f64\n".into(), 8, format!("the field `x` {twice} 6")),
        ("  x: u16\n", "  x: u16\n  x: u16\n".into(), 17, format!("the field `x` {twice} 16")),
        ("    arrows: u8\n", "    arrows: u8\n    arrows: u8\n".into(), 23, format!("the field `arrows` {twice} 22")),
        ("  1 Bow\n", "  1 Bow\n  1 Sword\n".into(), 22, format!("the tag 1 of `arena::Weapon` {twice} 21")),
        ("  1 Bow\n", "  2 Fist\n  1 Bow\n".into(), 21, format!("the variant `Fist` of `arena::Weapon` {twice} 20")),
        (
            "enum arena::Weapon\n",
            "struct arena::Position\n  x: u8\n\nenum arena::Weapon\n".into(),
            19,
            format!("`arena::Position` {twice} 15"),
        ),
        (weapon, format!("struct arena::Weapon\n\n{weapon}"), 21, format!("`arena::Weapon` {twice} 19")),
        (
            "reserved 9 \"player:jump\"\n",
            "reserved 9 \"player:jump\"\nreserved 9 \"player:jump\"\n".into(),
            26,
            format!("`reserved 9 \"player:jump\"` {twice} 25"),
        ),
        (
            "reserved 9 \"player:jump\"",
            "reserved 1 \"player:move\"".into(),
            25,
            "the event is in the file, too, in line 5".into(),
        ),
        // Missing, or not needed.
        (
            "struct arena::Position\n  x: u16\n  y: u16\n",
            String::new(),
            12,
            format!("`arena::Position` is no type, and no struct or enum of this file; {lost}"),
        ),
        (weapon, "enum arena::Weapon\n".into(), 20, "a tag and a variant's name is expected".into()),
        ("reserved 9", "enum arena::Kind\nreserved 9".into(), 25, format!("`arena::Kind` has no variants; {lost}")),
        (
            "  at: Vec<arena::Position>\n",
            String::new(),
            14,
            "no event of this file contains `arena::Position`; remove its lines".into(),
        ),
        (
            "reserved 9",
            "struct arena::Tree\n  tree: Vec<arena::Tree>\nreserved 9".into(),
            25,
            "no event of this file contains `arena::Tree`".into(),
        ),
        // Unknown.
        (
            "arena::PlayerMove",
            "arena::PlayerMove, durable".into(),
            5,
            "`durable` is not known here; `tuple`, `volatile`, ".into(),
        ),
        (
            "arena::PlayerMove",
            "arena::PlayerMove, latest, volatile".into(),
            5,
            "the event is `latest` and `volatile`; keep one".into(),
        ),
        (
            "arena::PlayerMove",
            "arena::PlayerMove, latest = \"z\"".into(),
            5,
            "the event is `latest = \"z\"` and has no such field".into(),
        ),
        ("  x: f32\n", "  x: f32, until 3\n".into(), 6, "`until 3` is not known here; `since 2 = …` with".into()),
        ("  x: f32\n", "  x: f32 as u7 in 0.0..=1.0\n".into(), 6, "`".into()),
        ("  x: f32\n", "  x: f23\n".into(), 6, format!("`f23` is no type, and no struct or enum of this file; {lost}")),
        ("  x: f32\n", "  x: Vec<f32\n".into(), 6, "a field's name and type is expected, not `  x: Vec<f32`".into()),
        (
            "struct arena::Position\n",
            "struct arena::Position, volatile\n".into(),
            15,
            "`volatile` is not known here; `tuple`".into(),
        ),
        ("  1 Bow\n", "  1 Bow, latest\n".into(), 21, "`latest` is not known here; `tuple`".into()),
        ("  0 Fist\n", "  0 Fist, tuple\n".into(), 20, "`tuple` is not known here; nothing without fields".into()),
        ("  1 Bow\n", "  256 Bow\n".into(), 21, "a tag and a variant's name is expected".into()),
        ("event 1 ", "event 0 ".into(), 5, "`event`, an id, a name in quotes and a path is expected".into()),
        ("event 1 ", "event 65536 ".into(), 5, "`event`, an id, a name in quotes and a path is expected".into()),
        // Impossible.
        ("  x: u16\n", "  x: u16, since 2 = 0\n".into(), 16, "`since 2 = 0` is not known here; nothing can".into()),
        ("since 2", "since 1".into(), 13, "`since 1 = 0` is not known here".into()),
        (
            "  zone: u8, since 2 = 0\n",
            "  zone: u8, since 2 = 0\n  wall: u8\n".into(),
            14,
            "a field of version 1 is behind one of version 2".into(),
        ),
        ("  x: u16\n", "  0: u16\n".into(), 16, "`0` is a field's position; what it is in needs `, tuple`".into()),
        (
            "struct arena::Position\n",
            "struct arena::Position, tuple\n".into(),
            16,
            "`0` is the next field of a tuple, not `x`".into(),
        ),
    ] {
        assert_eq!(OLD.matches(from).count(), 1, "{from}");
        let error = read(&OLD.replace(from, &to)).expect_err(&to).to_string();
        assert!(error.starts_with(&format!("line {line}: {problem}")), "{to}\n{error}");
    }
}

/// Nothing that an editor can do to a line of the file goes unseen: it is an error, or a change.
#[test]
fn no_line_of_the_file_is_passed_over() {
    let lock = read(OLD).unwrap();
    let check = |text: String| {
        if let Ok(edited) = read(&text)
            && write(&edited) != write(&lock)
        {
            assert_ne!(changes_since(&edited, &lock), [], "{text}");
            assert_ne!(changes_since(&lock, &edited), [], "{text}");
        }
    };
    // Reserved ids and names are in the file only.
    let (body, reserved) = OLD.split_once("reserved").unwrap();
    let lines: Vec<_> = body.lines().collect();
    let join = |lines: &[&str]| format!("{}\nreserved{reserved}", lines.join("\n"));
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        check(join(&without));
        for other in 0..lines.len() {
            let mut moved = without.clone();
            moved.insert(other.min(without.len()), lines[at]);
            check(join(&moved));
            let mut twice = lines.clone();
            twice.insert(other, lines[at]);
            check(join(&twice));
        }
        for (start, word) in
            lines[at].split_whitespace().map(|word| (word.as_ptr().addr() - lines[at].as_ptr().addr(), word))
        {
            for other in
                ["1", "2", "3", "x", "y", "u8", "u16", "arena::Other", "arena::Weapon", "Fist", "volatile", "64", ""]
            {
                for word_of in [other.to_owned(), format!("{word}{other}"), format!("{word}, {other}")] {
                    let line = format!("{}{word_of}{}", &lines[at][..start], &lines[at][start + word.len()..]);
                    let mut edited = lines.clone();
                    edited[at] = &line;
                    check(join(&edited));
                }
            }
        }
    }
}

#[test]
fn a_file_of_the_first_format_is_read_and_written_anew() {
    let upgrade = "safe lock file: its format was 1 and is 2";
    assert_eq!(between(&first_format(), OLD), [upgrade]);
    // What the first format lacks is no change: it shows a tuple only by its fields.
    let new = OLD.replace("arena::PlayerMove\n", "arena::PlayerMove, volatile\n");
    assert_eq!(between(&first_format(), &new), [upgrade]);
    let position = "struct arena::Position\n  x: u16\n  y: u16\n";
    let tuple = "struct arena::Position\n  0: u16\n  1: u16\n";
    let marked = OLD.replace(position, &tuple.replace("::Position", "::Position, tuple"));
    assert_eq!(between(&first_format().replace(position, tuple), &marked), [upgrade]);
    assert_eq!(between(&first_format(), &marked).len(), 2);
    // What it has is compared.
    assert_eq!(
        between(&first_format(), &new.replace("  x: f32", "  x: f64")),
        ["wire event `player:move`, field `x`: the type was `f32` and is `f64`", upgrade]
    );
    let error = read(&first_format().replace("arena::PlayerMove\n", "arena::PlayerMove, volatile\n"));
    assert_eq!(error.unwrap_err().to_string(), "line 4: `volatile` is not known in the format 1 of this file");
}
