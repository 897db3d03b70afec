internal import CCrypto

/// The handshake's key and its answer, RFC 6455 section 4.
package enum WebSocketKey {
    /// A client's fresh key: 16 random bytes in base64.
    package static func random() -> String {
        base64((0..<16).map { _ in UInt8.random(in: 0...255) })
    }

    /// Whether text is base64 of 16 bytes.
    package static func isValid(_ key: String) -> Bool {
        let bytes = Array(key.utf8)
        return bytes.count == 24 && bytes.suffix(2) == [0x3D, 0x3D]
            && bytes.dropLast(2).allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2F: true
                default: false
                }
            }
    }

    /// What `Sec-WebSocket-Accept` has to say to a key.
    package static func accept(_ key: String) -> String {
        let input = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        unsafe SHA1(input, input.count, &digest)
        return base64(digest)
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        // Four characters for three bytes, and the NUL that OpenSSL adds.
        var text = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
        let count = unsafe EVP_EncodeBlock(&text, bytes, CInt(bytes.count))
        return String(decoding: text.prefix(Int(count)), as: UTF8.self)
    }
}
