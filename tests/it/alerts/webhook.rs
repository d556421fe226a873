//! A webhook that keeps every notification of Alertmanager.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// A notification to one receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// Name of the receiver: the path of the request.
    pub receiver: String,
    /// `firing` while one of its alerts fires, else `resolved`.
    pub status: String,
    pub alerts: Vec<Alert>,
}

/// An alert within a notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub name: String,
    /// `firing` or `resolved`.
    pub status: String,
    pub labels: Value,
    pub description: String,
}

/// A webhook that answers until the process ends.
pub struct Webhook {
    pub address: String,
    notifications: Arc<Mutex<Vec<Notification>>>,
}

impl Webhook {
    pub fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket").to_string();
        let notifications = Arc::<Mutex<Vec<Notification>>>::default();
        let kept = Arc::clone(&notifications);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if let Some(notification) = stream.ok().and_then(take) {
                    kept.lock().expect("no thread panicked").push(notification);
                }
            }
        });
        Self { address, notifications }
    }

    /// All notifications so far, in order.
    pub fn notifications(&self) -> Vec<Notification> {
        self.notifications.lock().expect("no thread panicked").clone()
    }

    /// Notified alerts with one of these prefixes: `receiver status alert`, once for each notification and alert.
    pub fn notified(&self, alerts: &[&str]) -> Vec<String> {
        let said = |notification: Notification| {
            let of = notification
                .alerts
                .into_iter()
                .filter(|alert| alerts.iter().any(|begin| alert.name.starts_with(begin)));
            of.map(move |alert| format!("{} {} {}", notification.receiver, alert.status, alert.name))
                .collect::<Vec<_>>()
        };
        self.notifications().into_iter().flat_map(said).collect()
    }
}

/// Reads a request and answers it; `None` if it is incomplete, as when Alertmanager is killed while it sends.
fn take(stream: TcpStream) -> Option<Notification> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let receiver = line.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let mut length = 0;
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let alert = |alert: &Value| Alert {
        name: text(&alert["labels"]["alertname"]),
        status: text(&alert["status"]),
        labels: alert["labels"].clone(),
        description: text(&alert["annotations"]["description"]),
    };
    Some(Notification {
        receiver,
        status: text(&body["status"]),
        alerts: body["alerts"].as_array()?.iter().map(alert).collect(),
    })
}
