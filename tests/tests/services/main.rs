//! The example services as processes of their own, and a browser.

mod browser;
mod cluster;
mod http;
mod malformed;
mod outage;
