//! As much of a browser as a teacher needs to publish homework: cookies, forms, one request at a time.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any answer takes on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(20);
const BOUNDARY: &str = "kill-test-boundary";

/// Keeps the cookies between requests.
#[derive(Debug, Default)]
pub(crate) struct Browser {
    cookies: BTreeMap<String, String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Browser {
    /// Reads a page of the server at `address` (`http://host:port`) and takes its cookies.
    pub(crate) fn get(&mut self, address: &str, path: &str) -> io::Result<Reply> {
        let reply = self.send(address, "GET", path, "", "")?;
        self.take_cookies(&reply);
        Ok(reply)
    }

    /// Sends a form and takes the cookies of the answer.
    pub(crate) fn post(&mut self, address: &str, path: &str, fields: &[(&str, &str)]) -> io::Result<Reply> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let reply = self.send(address, "POST", path, "application/x-www-form-urlencoded", &body)?;
        self.take_cookies(&reply);
        Ok(reply)
    }

    /// Sends a form of the kind that may carry files; the cookies stay as they are.
    pub(crate) fn post_multipart(
        &self,
        address: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> io::Result<Reply> {
        let mut body = String::new();
        for (name, value) in fields {
            body += &format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        body += &format!("--{BOUNDARY}--\r\n");
        self.send(address, "POST", path, &format!("multipart/form-data; boundary={BOUNDARY}"), &body)
    }

    fn send(&self, address: &str, method: &str, path: &str, kind: &str, body: &str) -> io::Result<Reply> {
        let host = address.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {}\r\nContent-Length: {}\r\n",
            cookies.join("; "),
            body.len()
        );
        if !kind.is_empty() {
            request += &format!("Content-Type: {kind}\r\n");
        }
        stream.write_all(format!("{request}\r\n{body}").as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // Without a whole status line the server died before it answered.
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.filter(|_| text.contains("\r\n\r\n"));
        Ok(Reply { status: status.ok_or(io::ErrorKind::UnexpectedEof)?, text })
    }

    fn take_cookies(&mut self, reply: &Reply) {
        let head = reply.text.split("\r\n\r\n").next().unwrap_or_default();
        for line in head.lines().filter(|line| line.to_ascii_lowercase().starts_with("set-cookie:")) {
            let pair = line["set-cookie:".len()..].trim().split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Reply {
    /// The token of the page's first form.
    pub(crate) fn csrf(&self) -> String {
        self.between("name=\"csrf\" value=\"", "\"").expect("a form with a token").to_owned()
    }

    /// What stands between two texts, the first time.
    pub(crate) fn between(&self, before: &str, after: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(before)?;
        Some(rest.split_once(after)?.0)
    }
}
