/// The conditions of a request that name entity tags (RFC 9110, section 8.8.3).
enum EntityTags {
    /// Whether the header's list has the tag, or stands for any.
    ///
    /// Tags are compared weakly: whether they are marked as weak makes no difference.
    static func isMatch(_ headers: [String], _ tag: String) -> Bool {
        let wanted = opaque(tag[...])
        return headers.contains { header in
            header.split(separator: ",").contains { part in
                let part = part.drop { $0 == " " || $0 == "\t" }
                let text = part.prefix { $0 != " " && $0 != "\t" }
                return text == "*" || opaque(text) == wanted
            }
        }
    }

    private static func opaque(_ tag: Substring) -> Substring {
        tag.hasPrefix("W/") ? tag.dropFirst(2) : tag
    }
}
