//! One file's imports, definitions and re-exports, as the parser sees them.

use std::{collections::BTreeMap, fs, path::Path};

use syn::{
    Attribute, Item, ItemMod, ItemUse, UseTree, Visibility,
    visit::{self, Visit},
};

/// A path, from the crate's root on.
pub(crate) type Segments = Vec<String>;

/// A file's relations to other files.
#[derive(Default)]
pub(crate) struct Source {
    /// The names of its items.
    pub(crate) defined: Vec<String>,
    /// Names that stand for items of other modules, and those items.
    pub(crate) renamed: BTreeMap<String, Segments>,
    /// Modules all of whose names are its own.
    pub(crate) globs: Vec<Segments>,
    /// Child modules that are there for tests only.
    pub(crate) tests: Vec<String>,
    /// What it refers to, without what it only re-exports.
    pub(crate) uses: Vec<Segments>,
}

impl Source {
    /// Reads the file of a module.
    pub(crate) fn read(path: &Path, module: &Segments) -> Self {
        let text = fs::read_to_string(path).expect("a source can be read");
        let file = syn::parse_file(&text).expect("a source is Rust");
        let tests = file.items.iter().filter_map(|item| match item {
            Item::Mod(child) if is_test(&child.attrs) => Some(child.ident.to_string()),
            _ => None,
        });
        let source = Self { tests: tests.collect(), ..Self::default() };
        let children = file.items.iter().filter_map(|item| match item {
            Item::Mod(child) => Some(child.ident.to_string()),
            _ => None,
        });
        let mut reader = Reader { source, file: module.clone(), children: children.collect(), module: module.clone() };
        reader.visit_file(&file);
        reader.source
    }
}

struct Reader {
    source: Source,
    /// The module of the file, and those that it declares.
    file: Segments,
    children: Vec<String>,
    /// The module that is being read, inline ones among it.
    module: Segments,
}

impl Reader {
    /// The path from the root; none where it does not begin in this crate.
    fn absolute(&self, path: &[String]) -> Option<Segments> {
        let mut base = self.module.clone();
        let mut rest = path.iter().peekable();
        match rest.next()?.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                base.pop();
                while rest.next_if(|segment| *segment == "super").is_some() {
                    base.pop();
                }
            }
            first if self.module == self.file && self.children.iter().any(|child| child == first) => {
                base.push(first.to_owned());
            }
            _ => return None,
        }
        base.extend(rest.cloned());
        Some(base)
    }

    fn tree(&mut self, tree: &UseTree, before: &mut Segments, public: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before, public);
                before.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, before, public)),
            UseTree::Name(name) => self.name(&name.ident.to_string(), None, before, public),
            UseTree::Rename(rename) => {
                self.name(&rename.ident.to_string(), Some(rename.rename.to_string()), before, public);
            }
            UseTree::Glob(_) => {
                if let Some(module) = self.absolute(before) {
                    if public { self.source.globs.push(module) } else { self.source.uses.push(module) }
                }
            }
        }
    }

    fn name(&mut self, name: &str, renamed: Option<String>, before: &Segments, public: bool) {
        let mut path = before.clone();
        if name != "self" {
            path.push(name.to_owned());
        }
        let Some(path) = self.absolute(&path) else { return };
        // Also what is imported for the file's own use: its child modules may name it.
        if self.module == self.file {
            let known_as = renamed.or_else(|| path.last().cloned()).unwrap_or_default();
            self.source.renamed.insert(known_as, path.clone());
        }
        if !public {
            self.source.uses.push(path);
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = match item {
            Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            Item::Type(item) => (&item.attrs, Some(&item.ident)),
            Item::Const(item) => (&item.attrs, Some(&item.ident)),
            Item::Static(item) => (&item.attrs, Some(&item.ident)),
            Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
            Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
            Item::Mod(item) => (&item.attrs, item.content.as_ref().map(|_| &item.ident)),
            Item::Impl(item) => (&item.attrs, None),
            Item::Use(item) => (&item.attrs, None),
            _ => return visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            self.source.defined.extend(name.map(ToString::to_string));
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let public = !matches!(item.vis, Visibility::Inherited);
        self.tree(&item.tree, &mut Vec::new(), public);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1
            && let Some(path) = self.absolute(&segments)
        {
            self.source.uses.push(path);
        }
        visit::visit_path(self, path);
    }

    // `pub(in super)` and the like are no imports.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}
