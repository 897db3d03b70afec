/// Percent-encoding as RFC 3986 defines it, read strictly.
enum PercentEncoding {
    /// Why a text is refused, as the end of a sentence.
    struct DecodingError: Error, Equatable {
        let reason: String
    }

    /// Decodes a part of a path or query.
    ///
    /// Refused are characters that have to be escaped, incomplete escapes, NUL, and bytes that are
    /// not UTF-8, overlong forms among them.
    static func decode(_ encoded: some Collection<UInt8>) -> Result<String, DecodingError> {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(encoded.count)
        var rest = encoded.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(hexadecimal),
                    let low = rest.next().flatMap(hexadecimal)
                else { return failure("a percent sign is not followed by two hexadecimal digits") }
                let value = high << 4 | low
                if value == 0 { return failure("NUL is not allowed") }
                bytes.append(value)
            case 0x21...0x7E:
                bytes.append(byte)
            default:
                return failure("a character has to be percent-encoded")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return failure("the encoded bytes are not UTF-8")
        }
        return .success(text)
    }

    /// Encodes everything but what RFC 3986 calls unreserved.
    static func encode(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += (byte < 16 ? "%0" : "%") + digits
            }
        }
        return encoded
    }

    private static func failure(_ reason: String) -> Result<String, DecodingError> {
        .failure(DecodingError(reason: reason))
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
