//! Bytes and nanoseconds of the derived codec beside others, and its instructions beside hand-written code.

use std::{collections::BTreeMap, io, process::Command};

use crate::{
    Settings, callgrind,
    figures::{Figures, short},
    page::Page,
    plot,
};

const METHOD: &str = "\
Each codec encodes into a buffer that is reused and decodes into an owned value, checked, as its documentation says; rounds alternate between \
them. rkyv could do without decoding, where its own format stays in memory and aligned; here everybody hands over the same struct. \
Figures are medians of the rounds with (least–most).";
const COUNTED: &str = "\
Instructions of one call of `player:move`, encoded into a buffer with room and decoded from a slice, beside the same by hand \
(`to_be_bytes`, `from_be_bytes`, one check of the length). Counted by callgrind: the difference between a run of 2000 calls and one of 1000, \
by 1000; the loop around the call is in it for both.";

#[derive(Default)]
struct Row {
    bytes: String,
    encode: Figures,
    decode: Figures,
}

pub(crate) fn run(settings: &Settings) -> io::Result<()> {
    let mut page = Page::new(&settings.paths, "codec", "Codec", METHOD);
    let (rounds, millis) = if settings.quick { (2, 5) } else { (settings.rounds.max(9), 100) };
    let lines = output(Command::new(settings.paths.ours("codec")?).args([rounds.to_string(), millis.to_string()]))?;
    page.data(&["message", "codec", "round", "bytes", "encode_ns", "decode_ns"].map(str::to_owned));
    // In the order in which they come.
    let mut messages: Vec<(String, Vec<(String, Row)>)> = Vec::new();
    for line in lines.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [message, codec, _, bytes, encode, decode] = fields[..] else {
            return Err(io::Error::other(format!("the codec benchmark wrote {line:?}")));
        };
        page.data(&fields.iter().map(|field| format!("\"{field}\"")).collect::<Vec<_>>());
        let rows = entry(&mut messages, message);
        let row: &mut Row = entry(rows, codec);
        row.bytes = bytes.to_owned();
        row.encode.push(encode.parse().unwrap_or(f64::NAN));
        row.decode.push(decode.parse().unwrap_or(f64::NAN));
    }
    for (place, (message, rows)) in messages.iter().enumerate() {
        page.section(message);
        let table: Vec<_> = rows
            .iter()
            .map(|(codec, row)| {
                vec![codec.clone(), row.bytes.clone(), row.encode.with_spread(), row.decode.with_spread()]
            })
            .collect();
        page.table(&["", "bytes", "encode, ns", "decode, ns"], &table);
        let bars =
            |of: fn(&Row) -> &Figures| rows.iter().map(|(codec, row)| (codec.as_str(), of(row).clone())).collect();
        let groups = [("encode".to_owned(), bars(|row| &row.encode)), ("decode".to_owned(), bars(|row| &row.decode))];
        let title = format!("{message}: nanoseconds (less is better)");
        page.plot(&settings.paths, &format!("codec-{}", place + 1), &title, &plot::bars(&title, &groups))?;
    }
    instructions(settings, &mut page)?;
    page.save(&settings.paths)
}

fn entry<'a, T: Default>(list: &'a mut Vec<(String, T)>, name: &str) -> &'a mut T {
    let place = list.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
        list.push((name.to_owned(), T::default()));
        list.len() - 1
    });
    &mut list[place].1
}

fn instructions(settings: &Settings, page: &mut Page) -> io::Result<()> {
    let mut counts = BTreeMap::new();
    for name in ["derive-encode", "hand-encode", "derive-decode", "hand-decode"] {
        let each = (count(settings, name, 2000)? - count(settings, name, 1000)?) / 1000.0;
        println!("{name}: {each:.2} instructions");
        counts.insert(name, each);
    }
    page.section("Instructions");
    page.paragraph(COUNTED);
    let row =
        |what: &str, derived: &str, hand: &str| vec![what.to_owned(), short(counts[derived]), short(counts[hand])];
    let rows = [row("encode", "derive-encode", "hand-encode"), row("decode", "derive-decode", "hand-decode")];
    page.table(&["", "`#[derive(PPEvent)]`", "by hand"], &rows);
    Ok(())
}

/// Instructions of a whole run.
fn count(settings: &Settings, name: &str, times: usize) -> io::Result<f64> {
    let [valgrind, how @ ..] = callgrind::COMMAND;
    let mut command = Command::new(valgrind);
    command.args(how).arg(settings.paths.ours("codec")?).args(["--count", name, &times.to_string()]);
    let output = command.output().map_err(|error| io::Error::other(format!("valgrind does not start: {error}")))?;
    callgrind::collected(&String::from_utf8_lossy(&output.stderr))
}

fn output(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
