//! The arena's page in a real browser: two windows, on two nodes, over one Redis.

use fantoccini::key::Key;
use painda_tests::browser::Browser;
use painda_tests::cluster::Cluster;
use serde_json::json;

#[tokio::test]
async fn what_happens_on_one_node_is_seen_on_the_other() {
    let Cluster { redis: _redis, left, right } = Cluster::start().await;
    let browser = Browser::start().await;

    // Each page repeats its position every now and then, so that they find each other without our help.
    let watcher = browser.open(&right.http_url()).await;
    let player = browser.open(&left.http_url()).await;
    browser.wait_until("painda.connected && painda.received > 0").await;
    assert_eq!(browser.ask("painda.node").await, json!(left.addr().to_string()));
    browser.show(&watcher).await;
    browser.wait_until("painda.connected && painda.received > 0").await;
    assert_eq!(browser.ask("painda.node").await, json!(right.addr().to_string()));

    // A place far from both, where the canvas is still empty.
    let x = free_place(&browser, "x").await;
    let y = free_place(&browser, "y").await;
    let pixel = format!("Array.from(pen.getImageData({x} * canvas.width, {y} * canvas.height, 1, 1).data).join()");
    browser.wait_until("canvas.width > 300").await;
    let empty = browser.ask(&pixel).await;

    browser.show(&player).await;
    browser.move_mouse("#arena", x, y).await;
    browser.wait_until(&format!("Math.hypot(painda.me.x - {x} * 1000, painda.me.y - {y} * 1000) < 10")).await;
    let me = browser.ask("[painda.me.x, painda.me.y].map(Math.fround)").await;
    browser.show(&watcher).await;
    let arrived = format!("[painda.lastReceived.x, painda.lastReceived.y].join() === {me}.join()");
    browser.wait_until(&arrived).await;
    browser.wait_until(&format!("{pixel} !== {empty}")).await;
    assert_eq!(browser.ask("document.getElementById('redis-bytes').textContent").await, json!("27 bytes"));
    assert_eq!(browser.ask("document.getElementById('frame-bytes').textContent").await, json!("24 bytes"));

    // By keyboard, away from the border that is nearer.
    let (key, way) = if x < 0.5 { (Key::Right, ">") } else { (Key::Left, "<") };
    browser.show(&player).await;
    let walked = "Math.abs(painda.me.x - 1000 * X) > 100".replace('X', &x.to_string());
    browser.hold_key_until(key.into(), &walked).await;
    browser.show(&watcher).await;
    browser.wait_until(&format!("painda.lastReceived.x {way} {x} * 1000 && !({arrived})")).await;

    // A hit is for everybody, the one who hits included.
    browser.show(&player).await;
    browser.type_into("body", " ").await;
    browser.wait_until("painda.lastHit !== null && painda.lastHit.damage === 10").await;
    browser.show(&watcher).await;
    browser.wait_until("painda.lastHit !== null && painda.lastHit.damage === 10").await;

    browser.type_into("#text", "grüß dich 🐼\u{e007}").await;
    browser.show(&player).await;
    browser.wait_until("document.getElementById('lines').textContent === 'grüß dich 🐼'").await;

    browser.close().await;
}

/// A coordinate as a share of the canvas: off the grid and away from the watcher and from whom it sees.
async fn free_place(browser: &Browser, axis: &str) -> f64 {
    let expression = format!(
        "[150, 350, 550, 750, 850].find((place) =>
            [painda.me, painda.lastReceived].every((player) => Math.abs(player.{axis} - place) > 60)) / 1000"
    );
    browser.ask(&expression).await.as_f64().expect("two players leave one of five places free")
}
