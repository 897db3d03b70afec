package import Threading
internal import WebWire

/// An HTTP/1.1 client on an event loop, for load generators and tests; without TLS and redirects.
///
/// Connections are kept and used again. One client serves thousands of sockets.
package final class WebClient: Sendable {
    let context: WebClientContext

    /// A client without connections; lets the process have as many descriptors as it may.
    ///
    /// - Parameter loop: carries the sockets; it must outlive the client.
    package init(loop: EventLoop) {
        Socket.raiseDescriptorLimit()
        context = WebClientContext(loop: loop)
    }

    var loop: EventLoop { context.loop }

    /// Sends one request and awaits the whole response.
    ///
    /// A kept connection that the server closes before it answers is replaced once by a new one if
    /// the method may be repeated (RFC 9110 section 9.2.2); POST fails with `disconnected`.
    ///
    /// - Parameters:
    ///   - url: `http://host[:port]/path?query`, already percent-encoded.
    ///   - timeout: for all of it, name lookup and connect included.
    ///   - responseBytesMax: a larger body fails with `tooLarge`.
    package func request(
        _ method: String, _ url: String, headers: [(String, String)] = [], body: [UInt8] = [],
        timeout: Duration = .seconds(30), responseBytesMax: Int = 67_108_864
    ) async throws(WebClientError) -> HTTPClientResponse {
        let url = try WebURL(url)
        guard let address = await resolve(url) else {
            throw .unreachable("\(url.host) has no address")
        }
        var fields = headers
        if !headers.contains(where: { $0.0.lowercased() == "host" }) {
            fields.insert(("Host", url.authority), at: 0)
        }
        if !body.isEmpty || ["POST", "PUT", "PATCH"].contains(method) {
            fields.append(("Content-Length", "\(body.count)"))
        }
        let bytes = requestBytes(method, url.target, fields, body)
        let call = HTTPCall(
            context: context, authority: url.authority, address: address, request: bytes,
            method: method,
            bodyBytesMax: responseBytesMax)
        return try await call.run(timeout: timeout).response
    }

    /// Sends one request to a known server; loop thread only.
    ///
    /// For callers that live on the loop and send thousands a second: nothing is looked up, and no
    /// task waits.
    ///
    /// - Parameter completion: called once, on the loop; also within this call.
    package func call(
        _ peer: WebPeer, _ method: String, _ target: String, headers: [(String, String)] = [],
        body: [UInt8] = [], timeout: Duration,
        _ completion: @escaping (Result<HTTPClientResponse, WebClientError>) -> Void
    ) {
        var fields = [("Host", peer.authority)] + headers
        if !body.isEmpty || ["POST", "PUT", "PATCH"].contains(method) {
            fields.append(("Content-Length", "\(body.count)"))
        }
        let call = HTTPCall(
            context: context, authority: peer.authority, address: peer.address,
            request: requestBytes(method, target, fields, body), method: method,
            bodyBytesMax: 67_108_864)
        call.begin(timeout: timeout) { completion($0.map(\.response)) }
    }

    /// Looks a server up, once for many calls.
    ///
    /// - Parameter url: `http://host[:port]`; a path is dropped.
    package func peer(_ url: String) async throws(WebClientError) -> WebPeer {
        let url = try WebURL(url)
        guard let address = await resolve(url) else {
            throw .unreachable("\(url.host) has no address")
        }
        return WebPeer(authority: url.authority, address: address)
    }

    /// Closes the connections that wait for another request.
    package func closeIdleConnections() {
        context.loop.execute { [context] in context.closeIdle() }
    }

    func resolve(_ url: WebURL) async -> SocketAddress? {
        if let numeric = SocketAddress(numericHost: url.host, port: url.port) { return numeric }
        let found = Promise<SocketAddress?>()
        startThread(name: "resolve") {
            found.succeed(SocketAddress.resolve(host: url.host, port: url.port))
        }
        return (try? await found.value()) ?? nil
    }
}

/// A server whose address is known.
package struct WebPeer: Sendable {
    let authority: String
    let address: SocketAddress
}

/// A request's bytes.
func requestBytes(
    _ method: String, _ target: String, _ fields: [(String, String)], _ body: [UInt8]
) -> [UInt8] {
    var bytes = Array("\(method) \(target) HTTP/1.1\r\n".utf8)
    for (name, value) in fields { bytes += "\(name): \(value)\r\n".utf8 }
    bytes += "\r\n".utf8
    return bytes + body
}
