//! What the README, and the book's chapters Start and Clients, tell a reader to type: their files are written into a fresh
//! folder as they stand, their commands are run, and the pages are opened in a real browser.

use std::fs;
use std::io::ErrorKind::NotFound;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fantoccini::wd::WindowHandle;
use painda_tests::PATIENCE;
use painda_tests::browser::Browser;
use painda_tests::process::Process;
use painda_tests::redis::{Port, RedisServer};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

const README: &str = include_str!("../../README.md");
const START: &str = include_str!("../../docs/start.md");
const CLIENTS: &str = include_str!("../../docs/clients.md");

/// How long a command may take, which may build the server with all that it depends on.
const BUILDING: Duration = Duration::from_secs(600);

/// A code block: its language, and its text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut block = None;
    for event in Parser::new(page) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                block = Some((language.into_string(), String::new()));
            }
            Event::Text(text) => {
                if let Some((_, code)) = &mut block {
                    code.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(block.take()),
            _ => {}
        }
    }
    blocks
}

/// The file that a block is, as the comment in its first line says.
fn file_name(code: &str) -> Option<&Path> {
    let first = code.lines().next()?;
    let name = ["# ", "// ", "<!-- "].iter().find_map(|comment| first.strip_prefix(comment))?;
    let name = Path::new(name.trim_end_matches(" -->"));
    name.extension().is_some().then_some(name)
}

/// The reader's folder: `game`, beside a clone of this repository. One reader at a time: it is always the same folder, so that what
/// was built for one serves the next.
struct Reader {
    folder: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Reader {
    async fn new() -> Self {
        static FOLDER: Mutex<()> = Mutex::const_new(());
        let alone = FOLDER.lock().await;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tour");
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("it is there");
        // All but what was built.
        for old in ["painda-rust", "node_modules", "game/schemas", "game/service", "game/web", "game/bot"] {
            let old = folder.join(old);
            let removed = if old.is_symlink() { fs::remove_file(&old) } else { fs::remove_dir_all(&old) };
            removed
                .or_else(|error| if error.kind() == NotFound { Ok(()) } else { Err(error) })
                .expect("it can be removed");
        }
        fs::create_dir_all(folder.join("game")).expect("a folder can be made");
        symlink(&repository, folder.join("painda-rust")).expect("a link can be made");
        // Where `npx` looks first: nothing is to be downloaded here.
        let packages = repository.join("tests/schema/typescript/node_modules");
        assert!(packages.is_dir(), "the npm packages are not installed: run scripts/setup");
        symlink(packages, folder.join("node_modules")).expect("a link can be made");
        // The versions that the other tests use, which are on this machine already.
        fs::copy(repository.join("Cargo.lock"), folder.join("game/Cargo.lock")).expect("a file can be copied");
        Self { folder, _alone: alone }
    }

    fn game(&self) -> PathBuf {
        self.folder.join("game")
    }

    fn types(&self, page: &str) {
        for (_, code) in blocks(page) {
            if let Some(name) = file_name(&code) {
                let path = self.game().join(name);
                fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder can be made");
                fs::write(path, code).expect("a file can be written");
            }
        }
    }

    /// A command in the folder `game`.
    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("bash");
        shell.args(["-ec", command]).current_dir(self.game());
        // As a reader's shell has it, but without the network.
        shell
            .env_remove("CI")
            .env_remove("CARGO_TARGET_DIR")
            .env("CARGO_NET_OFFLINE", "true")
            .env("npm_config_offline", "true");
        shell
    }

    /// Runs a command to its end.
    async fn runs(&self, command: &str) {
        let running = timeout(BUILDING, self.shell(command).kill_on_drop(true).output()).await;
        let output = running
            .unwrap_or_else(|_| panic!("waited {} s in vain for {command:?} to end", BUILDING.as_secs()))
            .expect("bash starts");
        let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command}\n{out}{errors}");
    }

    /// Starts a service, and waits until it is ready. It is built before, which may take longer than a start.
    async fn serves(&self, command: &str) -> Process {
        self.runs("cargo build --package service").await;
        let mut process = Process::start(&mut self.shell(command));
        process.find_line("ready on", |line| line.starts_with("ready on").then_some(())).await;
        process
    }

    fn page(&self, name: &str) -> String {
        format!("file://{}", self.game().join(name).display())
    }

    /// Checks the types of a page's TypeScript, which a bundler does not.
    async fn compiles(&self, file: &str) {
        let options = "--noEmit --strict --target es2020 --lib es2020,dom --module es2020 --moduleResolution bundler";
        self.runs(&format!("npx tsc {options} {file}")).await;
    }
}

/// The lines of a page's shell blocks that begin so.
fn commands<'a>(page: &'a [(String, String)], beginning: &str) -> Vec<&'a str> {
    let lines = page.iter().filter(|(language, _)| language == "sh").flat_map(|(_, code)| code.lines());
    lines.filter(|line| line.starts_with(beginning)).collect()
}

fn command<'a>(page: &'a [(String, String)], beginning: &str) -> &'a str {
    match commands(page, beginning)[..] {
        [command] => command,
        ref other => panic!("one command that begins with {beginning:?} is expected, not {other:?}"),
    }
}

/// Moves the mouse in one window until the other one shows where it is.
async fn one_sees_the_other(browser: &Browser, mover: &WindowHandle, watcher: &WindowHandle) {
    let shown = "document.querySelector('output').value";
    browser.show(watcher).await;
    let before = browser.ask(shown).await;
    // The windows do not say when they are connected, so the mouse goes on moving.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    for step in 0_u32.. {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain for another place than {before}");
        browser.show(mover).await;
        browser.move_mouse("html", 0.3 + 0.01 * f64::from(step % 40), 0.5).await;
        browser.show(watcher).await;
        let now = browser.ask(shown).await;
        if now != before {
            let place = now.as_str().expect("an output has text");
            assert!(place.split(", ").all(|part| part.parse::<f32>().is_ok()), "{place}");
            return;
        }
    }
}

#[tokio::test]
async fn the_readme_leads_from_a_struct_to_a_browser_and_to_a_cluster() {
    let readme = blocks(README);
    let reader = Reader::new().await;
    reader.types(README);
    reader.runs(command(&readme, "PAINDA_ACCEPT=1 cargo test")).await;
    reader.runs(command(&readme, "npx --yes esbuild")).await;
    reader.compiles("web/client.ts").await;
    let browser = Browser::start().await;

    let ports = [Port::reserve(), Port::reserve(), Port::reserve()];
    let [alone, left, right] = ports.each_ref().map(|port| format!("127.0.0.1:{}", port.number()));
    let [run, first, second] = commands(&readme, "cargo run --package service")[..] else {
        panic!("the README starts the service three times");
    };
    assert_eq!(run, "cargo run --package service");
    let _service = reader.serves(&format!("{run} -- {alone}")).await;
    let page = reader.page("web/page.html");
    let mover = browser.open(&format!("{page}#{alone}")).await;
    let watcher = browser.open(&format!("{page}#{alone}")).await;
    one_sees_the_other(&browser, &mover, &watcher).await;

    let redis = RedisServer::start().await;
    let first = first.replace("127.0.0.1:3001", &left).replace("redis://127.0.0.1:6390", &redis.url());
    let second = second.replace("127.0.0.1:3002", &right).replace("redis://127.0.0.1:6390", &redis.url());
    let _left = reader.serves(&first).await;
    let _right = reader.serves(&second).await;
    let mover = browser.open(&format!("{page}#{left}")).await;
    let watcher = browser.open(&format!("{page}#{right}")).await;
    one_sees_the_other(&browser, &mover, &watcher).await;
    browser.close().await;
}

#[tokio::test]
async fn the_chapter_start_leads_to_two_windows_that_see_each_other() {
    let start = blocks(START);
    let reader = Reader::new().await;
    reader.types(START);
    let port = Port::reserve();
    let address = format!("127.0.0.1:{}", port.number());
    let run = command(&start, "cargo run --package service");
    let _service = reader.serves(&format!("{run} -- {address}")).await;
    let browser = Browser::start().await;
    let page = format!("{}#{address}", reader.page("web/page.html"));
    let (mover, watcher) = (browser.open(&page).await, browser.open(&page).await);
    one_sees_the_other(&browser, &mover, &watcher).await;
    browser.close().await;
}

/// In the README's project: the page comes back when its service is killed and started again.
#[tokio::test]
async fn the_page_of_the_chapter_clients_comes_back() {
    let readme = blocks(README);
    let reader = Reader::new().await;
    reader.types(README);
    reader.types(CLIENTS);
    reader.runs(command(&readme, "PAINDA_ACCEPT=1 cargo test")).await;
    reader.runs(command(&readme, "npx --yes esbuild")).await;
    reader.compiles("web/client.ts").await;

    let port = Port::reserve();
    let address = format!("127.0.0.1:{}", port.number());
    let run = format!("cargo run --package service -- {address}");
    let mut service = reader.serves(&run).await;
    let browser = Browser::start().await;
    let page = format!("{}#{address}", reader.page("web/page.html"));
    let (mover, watcher) = (browser.open(&page).await, browser.open(&page).await);
    one_sees_the_other(&browser, &mover, &watcher).await;

    service.kill9().await;
    let service = reader.serves(&run).await;
    for window in [&mover, &watcher] {
        browser.show(window).await;
        browser.wait_until("document.querySelector('output').value === 'connected'").await;
    }
    one_sees_the_other(&browser, &mover, &watcher).await;
    drop(service);
    browser.close().await;
}
