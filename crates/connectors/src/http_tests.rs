//! Faults of the network and of answers, met with a real server on the loopback.

use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

fn http(allowed: &[&str]) -> Http {
    let allowed = allowed.iter().map(|net| net.parse().unwrap()).collect();
    Http::new(Networks { allowed }, Duration::from_secs(2), 4_096)
}

async fn get(http: &Http, url: &str) -> Result<Answer, PortError> {
    http.call(Call { url, headers: Vec::new(), body: None, timeout: Duration::from_secs(5) }).await
}

async fn answer_of(template: ResponseTemplate) -> Result<Answer, PortError> {
    let server = MockServer::start().await;
    Mock::given(path("/secret-free")).respond_with(template).mount(&server).await;
    get(&http(&["127.0.0.0/8"]), &format!("{}/secret-free?token=hush", server.uri())).await
}

/// Answers one connection with these bytes and closes it.
async fn raw_server(bytes: &'static [u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x?token=hush", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    url
}

#[tokio::test]
async fn addresses_inside_private_networks_are_refused_before_anything_is_sent() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;
    let port = server.address().port();
    let closed = http(&[]);
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
    ] {
        let error = get(&closed, &format!("http://{host}:{port}/")).await.err().unwrap();
        assert!(matches!(&error, PortError::Refused(why) if why.contains("network")), "{host}: {error:?}");
    }
}

#[tokio::test]
async fn only_web_addresses_without_credentials_are_called() {
    let open = http(&["127.0.0.0/8"]);
    for url in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
        "nonsense",
        "http://user:pw@127.0.0.1/",
        "data:,x",
    ] {
        let error = get(&open, url).await.err().unwrap();
        assert!(matches!(&error, PortError::Refused(why) if !why.contains("pw")), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_host_only() {
    let server = MockServer::start().await;
    let other = MockServer::start().await;
    Mock::given(path("/here"))
        .respond_with(ResponseTemplate::new(307).insert_header("location", "/there"))
        .mount(&server)
        .await;
    Mock::given(path("/there")).respond_with(ResponseTemplate::new(200).set_body_string("ok")).mount(&server).await;
    Mock::given(path("/away"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", format!("{}/taken", other.uri())))
        .mount(&server)
        .await;
    Mock::given(path("/round"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", "/round"))
        .mount(&server)
        .await;
    Mock::given(path("/taken")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&other).await;
    let open = http(&["127.0.0.0/8"]);
    assert_eq!(get(&open, &format!("{}/here", server.uri())).await.ok().unwrap().body, b"ok");
    for place in ["away", "round"] {
        let error = get(&open, &format!("{}/{place}", server.uri())).await.err().unwrap();
        assert!(matches!(&error, PortError::Refused(why) if why.contains("redirects")), "{error:?}");
    }
}

#[tokio::test]
async fn each_status_says_what_to_do() {
    let error = answer_of(ResponseTemplate::new(429).insert_header("retry-after", "17")).await.err().unwrap();
    assert!(matches!(error, PortError::Retry { after_seconds: Some(17), .. }), "{error:?}");
    let error = answer_of(ResponseTemplate::new(503)).await.err().unwrap();
    assert!(matches!(error, PortError::Retry { after_seconds: None, .. }), "{error:?}");
    for status in [401, 403] {
        assert!(matches!(answer_of(ResponseTemplate::new(status)).await, Err(PortError::Unauthorised(_))));
    }
    let error = answer_of(ResponseTemplate::new(422).set_body_string(format!("bad\u{7} thing{}", "x".repeat(900))))
        .await
        .err()
        .unwrap();
    let PortError::Refused(why) = error else { panic!("{error:?}") };
    assert!(why.contains("422") && why.contains("bad  thing") && why.len() < 300, "{why}");
    assert!(!why.contains("hush"), "the query is not shown: {why}");
    let page = answer_of(ResponseTemplate::new(404).set_body_string("<html>lots</html>")).await.err().unwrap();
    assert!(!page.to_string().contains("html"), "{page}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let error = answer_of(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 5_000])).await.err().unwrap();
    assert!(matches!(&error, PortError::Protocol(why) if why.contains("larger than 4096")), "{error:?}");
    let endless = raw_server(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n").await;
    let error = get(&http(&["127.0.0.0/8"]), &endless).await.err().unwrap();
    assert!(error.is_passing(), "{error:?}");
}

#[tokio::test]
async fn half_an_answer_a_closed_port_and_silence_are_passing_troubles_without_secrets() {
    let open = http(&["127.0.0.0/8"]);
    let half = raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"Orders\":[").await;
    let garbage = raw_server(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for url in [half, garbage, format!("http://{free}/x?token=hush")] {
        let error = get(&open, &url).await.err().unwrap();
        assert!(matches!(error, PortError::Retry { .. }), "{url}: {error:?}");
        assert!(!error.to_string().contains("hush"), "{error}");
    }
    let server = MockServer::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(path("/late")).respond_with(late).mount(&server).await;
    let url = format!("{}/late?token=hush", server.uri());
    let call = Call { url: &url, headers: Vec::new(), body: None, timeout: Duration::from_millis(100) };
    let error = open.call(call).await.err().unwrap();
    assert!(matches!(&error, PortError::Retry { message, .. } if message.contains("in time")), "{error:?}");
    assert!(!error.to_string().contains("hush"), "{error}");
}

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date() {
    let now = Timestamp::parse("1994-11-06T08:49:00Z").unwrap();
    assert_eq!(retry_after("120", now), Some(120));
    assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(37));
    assert_eq!(retry_after("Sun, 06 Nov 1994 08:48:00 GMT", now), Some(0));
    assert_eq!(retry_after("99999999999", now), Some(86_400));
    assert_eq!(retry_after("soon", now), None);
}

#[test]
fn text_that_is_not_utf_8_is_read_as_latin_1() {
    let answer = |body: &[u8]| Answer { headers: HeaderMap::new(), body: body.to_vec() };
    assert_eq!(answer(b"caf\xe9").text(), "café");
    assert_eq!(answer("\u{feff}{}".as_bytes()).text(), "{}");
}

#[tokio::test]
async fn without_certificate_authorities_plain_addresses_are_still_reached() {
    let server = MockServer::start().await;
    Mock::given(path("/plain")).respond_with(ResponseTemplate::new(200).set_body_string("ok")).mount(&server).await;
    let mut open = http(&["127.0.0.0/8"]);
    open.client = Ok(builder(&open.networks, Duration::from_secs(2)).tls_certs_only([]).build().unwrap());
    assert_eq!(get(&open, &format!("{}/plain", server.uri())).await.ok().unwrap().body, b"ok");
}
