//! A real headless Chromium, driven by its own chromedriver.

use fantoccini::actions::{InputSource, KeyAction, KeyActions, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::wd::{TimeoutConfiguration, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::process::Process;
use crate::{PATIENCE, within};

/// A browser with a fresh profile.
#[derive(Debug)]
pub struct Browser {
    webdriver: Client,
    _driver: Process,
    _profile: TempDir,
}

impl Browser {
    /// Starts chromedriver on a free port, and a Chromium with it.
    pub async fn start() -> Self {
        // Port 0: the driver chooses, and says which.
        let mut driver = Process::start(Command::new("chromedriver").arg("--port=0"));
        let port = driver.find_line("chromedriver's port", port_in).await;
        let profile = TempDir::new().expect("a temporary directory can be made");

        let mut builder = ClientBuilder::new(HttpConnector::new());
        if let Value::Object(capabilities) = capabilities(&profile) {
            builder.capabilities(capabilities);
        }
        let url = format!("http://127.0.0.1:{port}");
        let webdriver = within("Chromium to start", builder.connect(&url)).await.expect("Chromium starts");
        let timeouts = TimeoutConfiguration::new(Some(PATIENCE), None, None);
        webdriver.update_timeouts(timeouts).await.expect("a script may take its time");
        Self { webdriver, _driver: driver, _profile: profile }
    }

    /// Opens a page in a window of its own, which is then the one in front.
    pub async fn open(&self, url: &str) -> WindowHandle {
        let window =
            within("a window", self.webdriver.new_window(false)).await.expect("Chromium opens a window").handle;
        self.show(&window).await;
        within("the page to load", self.webdriver.goto(url)).await.expect("the page loads");
        window
    }

    /// Brings a window to the front; what follows happens there.
    pub async fn show(&self, window: &WindowHandle) {
        let showing = self.webdriver.switch_to_window(window.clone());
        within("the window to come to the front", showing).await.expect("the window is open");
    }

    /// Evaluates a JavaScript expression.
    pub async fn ask(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        within(expression, self.webdriver.execute(&script, vec![])).await.expect("the expression is right")
    }

    /// Waits until a JavaScript expression is true; it is asked again whenever the page is drawn.
    pub async fn wait_until(&self, condition: &str) {
        let script = format!(
            "const done = arguments[0];
             const look = () => (({condition}) ? done() : requestAnimationFrame(look));
             look();"
        );
        let waiting = self.webdriver.execute_async(&script, vec![]);
        within(condition, waiting).await.unwrap_or_else(|error| panic!("waited for {condition}: {error}"));
    }

    /// Moves the mouse to a place on an element, in shares of its width and height.
    pub async fn move_mouse(&self, selector: &str, x: f64, y: f64) {
        let element = self.find(selector).await;
        let (_, _, width, height) = within("a place", element.rectangle()).await.expect("the element is laid out");
        // WebDriver counts from the element's centre.
        let to = PointerAction::MoveToElement { element, duration: None, x: (x - 0.5) * width, y: (y - 0.5) * height };
        let actions = MouseActions::new("mouse".to_owned()).then(to);
        within("the mouse to move", self.webdriver.perform_actions(actions)).await.expect("the mouse moves");
    }

    /// Presses a key, holds it until a JavaScript expression is true, and releases it.
    pub async fn hold_key_until(&self, key: char, condition: &str) {
        let press = KeyActions::new("keyboard".to_owned()).then(KeyAction::Down { value: key });
        within("the key to go down", self.webdriver.perform_actions(press)).await.expect("the key goes down");
        self.wait_until(condition).await;
        within("the key to go up", self.webdriver.release_actions()).await.expect("the key goes up");
    }

    /// Types into an element.
    pub async fn type_into(&self, selector: &str, text: &str) {
        within("keys to be typed", self.find(selector).await.send_keys(text)).await.expect("the element takes keys");
    }

    async fn find(&self, selector: &str) -> Element {
        within(selector, self.webdriver.find(Locator::Css(selector))).await.expect("the page has the element")
    }

    /// Ends the browser.
    pub async fn close(self) {
        within("Chromium to end", self.webdriver.close()).await.expect("Chromium ends");
    }
}

fn port_in(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("started successfully on port ")?;
    rest.trim_end_matches('.').parse().ok()
}

fn capabilities(profile: &TempDir) -> Value {
    let profile = format!("--user-data-dir={}", profile.path().display());
    json!({ "goog:chromeOptions": { "args": [
        "--headless=new",
        // Tests may run as root in a container, where Chromium's sandbox refuses to work and /dev/shm is small.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--window-size=1280,900",
        // A pipe instead of a port: the browser ends with its driver, even if that is killed.
        "--remote-debugging-pipe",
        // Nothing but the pages of the test is to be talked to.
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        profile,
    ] } })
}
