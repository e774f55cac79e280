//! A proxy that leads the names of a real installation to the sandbox on this machine: the program
//! speaks to `vb365.abc.local` and finds the sandbox there, with all of its TLS.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Starts a proxy (RFC 9110 section 9.3.6, `CONNECT`) that leads each of these authorities, as in
/// `vb365.abc.local:4443`, to its port on loopback; answers where it listens.
pub(crate) fn start(routes: Vec<(String, u16)>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let routes = routes.clone();
            // Whoever hangs up early has their reasons.
            thread::spawn(move || drop(serve(stream, &routes)));
        }
    });
    Ok(address)
}

fn serve(client: TcpStream, routes: &[(String, u16)]) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let authority = request.split(' ').nth(1).unwrap_or_default();
    let mut answer = client.try_clone()?;
    let Some((_, port)) = routes.iter().find(|(known, _)| known == authority) else {
        return answer.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    };
    let server = TcpStream::connect(("127.0.0.1", *port))?;
    answer.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut to, mut from) = (server.try_clone()?, server);
    let upwards = thread::spawn(move || io::copy(&mut reader, &mut to));
    io::copy(&mut from, &mut answer)?;
    // The server has said its last word; so has this connection.
    client.shutdown(std::net::Shutdown::Both)?;
    drop(upwards.join());
    Ok(())
}
