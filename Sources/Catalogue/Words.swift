/// Cuts texts into the words that are searched for.
///
/// A word is a run of letters, marks and digits, in lower case by Unicode's default mapping. Words are
/// compared code point by code point.
enum Words {
    /// The words of a text, in their order.
    static func of(_ text: String) -> [String] {
        let folded = text.lowercased()
        let scalars = folded.unicodeScalars
        var words: [String] = []
        var start: String.Index?
        var index = scalars.startIndex
        while index != scalars.endIndex {
            if isPartOfWord(scalars[index]) {
                if start == nil { start = index }
            } else if let begun = start {
                words.append(String(folded[begun..<index]))
                start = nil
            }
            index = scalars.index(after: index)
        }
        if let start { words.append(String(folded[start...])) }
        return words
    }

    private static func isPartOfWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x30...0x39, 0x61...0x7A: return true
        case 0..<0x80: return false
        default:
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter,
                .otherLetter, .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber,
                .letterNumber, .otherNumber:
                return true
            default: return false
            }
        }
    }
}

/// Where in a product a word stands; the higher, the more it says.
enum WordPlace: UInt32 {
    case description, attribute, name, code
}
