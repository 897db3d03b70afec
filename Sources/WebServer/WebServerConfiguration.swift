/// Where a web server listens, and every limit it keeps.
package struct WebServerConfiguration: Sendable {
    /// A numeric address or `localhost`.
    package var host = "127.0.0.1"
    /// 0 takes any free port.
    package var port = 0
    /// Connections served at once; further ones are answered 503.
    package var connectionsMax = 10_000
    /// Connections that get their 503 at once; further ones wait in the kernel's queue.
    package var connectionsTurnedAwayMax = 256

    /// Bytes of a request target; beyond it 414.
    package var targetBytesMax = 8_192
    /// Bytes of all header fields of a request; beyond it 431.
    package var headerBytesMax = 16_384
    /// Bytes of a body that a handler collects without a limit of its own; beyond it 413.
    package var bodyBytesMax = 65_536
    /// Bytes of a body that wait for the handler before the socket is read no further.
    package var bodyBufferBytes = 262_144

    /// From a request's first byte (on a new connection, from the start) to its last header: 408.
    package var headerDeadline: Duration = .seconds(10)
    /// Between two requests of a connection, which is then closed.
    package var keepAliveIdle: Duration = .seconds(60)
    /// How long the rate of a transfer is watched before it is judged.
    package var rateWindow: Duration = .seconds(10)
    /// Bytes per second that a body has to come with while the handler wants it: 408.
    package var bodyBytesPerSecondMin = 512
    /// Bytes per second that a peer has to read while there is something to read; else it is cut.
    package var writeBytesPerSecondMin = 512
    /// Unsent bytes at which a connection is read no further, so that a flood of requests whose
    /// answers nobody reads stays bounded.
    package var unsentBytesPause = 262_144
    /// How long a refused peer may go on sending before the connection is cut.
    package var lingerDeadline: Duration = .seconds(2)

    /// Bytes of one websocket message; beyond it close code 1009.
    package var messageBytesMax = 65_536
    /// Messages of one websocket that wait for their consumer before it is read no further.
    package var messagesPause = 64
    /// Unsent bytes of one websocket; beyond it the peer reads too slowly: close code 1013.
    package var unsentBytesMax = 1_048_576
    /// How long a websocket is silent before it is pinged.
    package var pingInterval: Duration = .seconds(20)
    /// How long a websocket may be silent, pongs counting as sound; then it is closed.
    package var idleLimit: Duration = .seconds(60)
    /// How long a peer may take to answer a close frame.
    package var closeDeadline: Duration = .seconds(5)

    package init() {}
}
