/// What every request begins with, after its length.
struct RequestHeader {
    /// The raw API key, which may be unknown here.
    let key: Int16
    let version: Int16
    /// What the client knows the answer by.
    let correlationID: Int32
    /// The name that the client gave itself.
    let clientID: String

    /// Reads a header of version 1, or 2 where the request is flexible.
    init(_ reader: inout WireReader) throws(WireError) {
        key = try reader.int16()
        version = try reader.int16()
        correlationID = try reader.int32()
        clientID = try reader.nullableString() ?? ""
        if let key = APIKey(rawValue: key), key.versions.contains(version), key.isFlexible(version)
        {
            try reader.skipTags()
        }
    }
}
