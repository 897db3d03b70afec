import Telemetry

/// A small file of records that are replayed at start: topics, producer IDs, committed offsets.
///
/// Each record stands behind its length and CRC-32C; at start the file is cut at the first one that is
/// not whole. Loop thread only, but for the sync.
final class Journal {
    /// Bytes written.
    private(set) var size = 0
    /// Whether bytes were written since the last sync.
    var needsSync = false
    private(set) var file: DiskFile

    private let path: String
    private var staged: [UInt8] = []

    /// Opens a journal and replays it.
    ///
    /// - Parameter replay: is called with each record; a record that it cannot read ends the start.
    init(
        path: String, logger: Logger,
        replay: (inout WireReader) throws(WireError) -> Void
    ) throws(StorageError) {
        self.path = path
        file = try DiskFile(path: path, create: true)
        let total = try file.size()
        let block = ByteBlock(capacity: total)
        guard try file.read(into: block, 0..<total, at: 0) == total else {
            throw StorageError("unexpected end", path, code: 0)
        }
        while total - size >= 8 {
            let length = Int(block.integer(Int32.self, at: size))
            let start = size + 8
            guard length >= 0, length <= total - start,
                block.integer(UInt32.self, at: size + 4) == block.crc32c(start..<start + length)
            else { break }
            var reader = WireReader(block, start..<start + length)
            do throws(WireError) {
                try replay(&reader)
            } catch {
                throw StorageError("a record of an unknown format (\(error))", path, code: 0)
            }
            size = start + length
        }
        if size < total {
            logger.warning(
                "torn tail of a journal cut",
                ["path": path, "bytes": String(total - size)])
            try file.truncate(to: size)
            needsSync = true
        }
    }

    /// Whether records wait for ``flush()``.
    var hasStaged: Bool { !staged.isEmpty }

    /// Keeps a record for the next ``flush()``.
    func append(_ record: WireWriter) { Self.frame(record.bytes, into: &staged) }

    private static func frame(_ record: [UInt8], into bytes: inout [UInt8]) {
        var head = WireWriter(capacity: 8)
        head.int32(Int32(record.count))
        head.uint32(crc32c(record))
        bytes.append(contentsOf: head.bytes)
        bytes.append(contentsOf: record)
    }

    /// Writes what was staged; after an error none of it is in the file.
    func flush() throws(StorageError) {
        guard !staged.isEmpty else { return }
        defer { staged.removeAll(keepingCapacity: staged.count <= 64 * 1_024) }
        do {
            try file.write(staged, at: size)
        } catch {
            try file.truncate(to: size)
            throw error
        }
        size += staged.count
        needsSync = true
    }

    /// Replaces the whole journal by other records; blocks until they are on the device.
    func rewrite(_ records: [WireWriter]) throws(StorageError) {
        precondition(staged.isEmpty)
        var bytes: [UInt8] = []
        for record in records { Self.frame(record.bytes, into: &bytes) }
        try FileSystem.replace(path, with: bytes)
        if let slash = path.lastIndex(of: "/") {
            try FileSystem.syncDirectory(String(path[..<slash]))
        }
        file = try DiskFile(path: path)
        size = bytes.count
        needsSync = false
    }
}
