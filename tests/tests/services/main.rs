//! The example services as processes of their own, and a browser.

mod browser;
mod cluster;
mod malformed;
mod outage;
mod strangers;
