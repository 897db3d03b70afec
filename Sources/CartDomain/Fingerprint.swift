import Messages

/// What a request asked for, in 64 bits: a repeated request has to ask for the same.
///
/// FNV-1a of the command's name and fields. Who looks for two requests of his own with one
/// fingerprint finds out that the second gets the first one's outcome.
package struct Fingerprint: Hashable, Sendable, CustomStringConvertible {
    package let bits: UInt64

    package init(bits: UInt64) { self.bits = bits }

    /// The fingerprint of a command.
    package init<Command: CartCommand>(_ command: Command) {
        var json = JSONWriter(capacity: 128)
        json.object { json in
            json.field("type", Command.name)
            command.encodeFields(to: &json)
        }
        bits = json.bytes.reduce(0xCBF2_9CE4_8422_2325) { hash, byte in
            (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
    }

    /// Reads 1 to 16 hexadecimal digits; `nil` for anything else.
    package init?(_ text: String) {
        guard let bits = UInt64(text, radix: 16) else { return nil }
        self.bits = bits
    }

    package var description: String { String(bits, radix: 16) }
}
