//! The book and the other pages: that what they link to exists, and that no page is left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Where the book links to what is not in it: a relative link would lead out of the book.
const IN_THE_REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");

/// What a page says, as far as these tests look at it.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    /// The names by which its headings are linked to.
    anchors: BTreeSet<String>,
    has_rust: bool,
}

impl Page {
    fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut heading = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    page.has_rust |= language.split(',').next() == Some("rust");
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::End(TagEnd::Heading(_)) => page.anchors.extend(heading.take().map(|text| anchor(&text))),
                _ => {}
            }
        }
        page
    }
}

/// As GitHub and mdbook name a heading.
fn anchor(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ => c.is_alphanumeric().then(|| c.to_ascii_lowercase()),
    };
    heading.chars().filter_map(kept).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository is there")
}

/// All pages of a folder, and of those in it if it is the book's, by their path from the repository's root.
fn pages_in(folder: &str, pages: &mut BTreeMap<PathBuf, Page>) {
    for entry in fs::read_dir(root().join(folder)).expect("the folder is there") {
        let entry = entry.expect("it can be read");
        let path = Path::new(folder).join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            if path.starts_with("docs") {
                pages_in(path.to_str().expect("a plain name"), pages);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.insert(path, Page::read(&fs::read_to_string(entry.path()).expect("it is text")));
        }
    }
}

fn pages() -> BTreeMap<PathBuf, Page> {
    let mut pages = BTreeMap::new();
    for folder in ["", "docs", "painda-derive"] {
        pages_in(folder, &mut pages);
    }
    pages
}

/// A path without `.` and `..`; `None` where it leads out of the repository.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir => normal.pop().then_some(())?,
            _ => {}
        }
    }
    Some(normal)
}

/// What is wrong with a page's link.
fn problem(pages: &BTreeMap<PathBuf, Page>, from: &Path, link: &str) -> Option<&'static str> {
    let (target, fragment) = link.split_once('#').map_or((link, None), |(target, name)| (target, Some(name)));
    let path = if let Some(path) = target.strip_prefix(IN_THE_REPOSITORY) {
        path.into()
    } else if target.contains("://") {
        return None; // of others
    } else if target.is_empty() {
        from.to_owned()
    } else {
        let Some(path) = normal(&from.parent().expect("a file is in a folder").join(target)) else {
            return Some("leads out of the repository");
        };
        if from.starts_with("docs") && !path.starts_with("docs") {
            return Some("leads out of the book: link to the repository's page");
        }
        path
    };
    match (pages.get(&path), fragment) {
        (Some(page), Some(name)) if !page.anchors.contains(name) => Some("has no such heading"),
        (None, _) if !root().join(&path).exists() => Some("does not exist"),
        _ => None,
    }
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    let links = pages.iter().flat_map(|(path, page)| page.links.iter().map(move |link| (path, link)));
    let wrong: Vec<String> = links
        .filter_map(|(path, link)| Some(format!("{}: {link} {}", path.display(), problem(&pages, path, link)?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_summary_lists_every_chapter_once() {
    let mut pages = pages();
    let summary = pages.remove(Path::new("docs/SUMMARY.md")).expect("the book has a summary");
    // A chapter that is not written yet has no link.
    let mut listed: Vec<PathBuf> =
        summary.links.iter().filter(|link| !link.is_empty()).map(|link| Path::new("docs").join(link)).collect();
    listed.sort();
    let written: Vec<PathBuf> = pages.into_keys().filter(|path| path.starts_with("docs")).collect();
    assert_eq!(listed, written);
}

#[test]
fn the_examples_of_every_page_are_compiled() {
    let compiled = include_str!("../../src/lib.rs");
    for (path, page) in pages() {
        let included = compiled.contains(&format!("include_str!(\"../../{}\")", path.display()));
        assert_eq!(page.has_rust, included, "{} and src/lib.rs of the tests", path.display());
    }
}
