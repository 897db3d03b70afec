/// One file of a partition's log, and its index.
///
/// Loop thread only. The file is opened when it is needed; a reader that still sends from it keeps it
/// open although the segment was deleted.
final class Segment {
    let baseOffset: Int64
    /// Bytes written, without those that wait to be written.
    var size: Int
    /// Whether an index file vouches for the whole segment.
    var isCertified: Bool
    /// Whether something was read from it since the last look.
    var wasUsed = false

    private let directory: String
    private var openFile: DiskFile?
    private var loadedIndex: SegmentIndex?

    init(
        directory: String, baseOffset: Int64, size: Int, isCertified: Bool,
        index: SegmentIndex? = nil
    ) {
        self.directory = directory
        self.baseOffset = baseOffset
        self.size = size
        self.isCertified = isCertified
        loadedIndex = index
    }

    /// Creates the file of a new segment.
    static func create(directory: String, baseOffset: Int64) throws(StorageError) -> Segment {
        let segment = Segment(
            directory: directory, baseOffset: baseOffset, size: 0, isCertified: false,
            index: SegmentIndex())
        let file = try DiskFile(path: segment.path, create: true)
        try file.truncate(to: 0)
        segment.openFile = file
        return segment
    }

    static let logSuffix = ".log"
    static let indexSuffix = ".index"

    /// The file name of an offset: twenty digits, so that names sort as offsets do.
    static func name(_ baseOffset: Int64) -> String {
        let digits = String(baseOffset)
        return String(repeating: "0", count: 20 - digits.count) + digits
    }

    var path: String { directory + "/" + Self.name(baseOffset) + Self.logSuffix }
    var indexPath: String { directory + "/" + Self.name(baseOffset) + Self.indexSuffix }

    /// The open file.
    func file() throws(StorageError) -> DiskFile {
        wasUsed = true
        if let openFile { return openFile }
        let file = try DiskFile(path: path)
        openFile = file
        return file
    }

    /// Closes the file once nobody reads from it.
    func closeFile() { openFile = nil }

    /// Forgets the index where its file has it.
    func dropIndex() {
        if isCertified { loadedIndex = nil }
    }

    /// The index, from memory, from its file, or from the segment itself.
    func index(_ scratch: ByteBlock) throws(StorageError) -> SegmentIndex {
        wasUsed = true
        if let loadedIndex { return loadedIndex }
        if let bytes = try FileSystem.read(indexPath),
            let decoded = SegmentIndex.decode(bytes, baseOffset: baseOffset),
            decoded.index.validBytes == size
        {
            loadedIndex = decoded.index
            return decoded.index
        }
        var index = SegmentIndex()
        try scan(from: 0, to: size, scratch) { header, position in
            index.append(header, relativeOffset: header.baseOffset &- baseOffset)
            return true
        }
        loadedIndex = index
        return index
    }

    /// Takes over an index that was changed.
    func setIndex(_ index: SegmentIndex) { loadedIndex = index }

    /// Takes note of a batch that was appended to this, the active segment.
    func appendToIndex(_ header: RecordBatchHeader, relativeOffset: Int64) {
        loadedIndex?.append(header, relativeOffset: relativeOffset)
    }

    /// Reads the headers of the batches between two positions, until `body` returns false.
    ///
    /// Stops also where the bytes are no batch. Checksums are not looked at.
    func scan(
        from start: Int, to end: Int, _ scratch: ByteBlock,
        _ body: (RecordBatchHeader, Int) -> Bool
    ) throws(StorageError) {
        let file = try file()
        var position = start
        var window = position..<position
        while end - position >= RecordBatchHeader.size {
            if !(window.contains(position)
                && window.upperBound - position >= RecordBatchHeader.size)
            {
                let room = min(scratch.capacity, end - position)
                let count = try file.read(into: scratch, 0..<room, at: position)
                window = position..<position + count
                if count < RecordBatchHeader.size { return }
            }
            let header = RecordBatchHeader(scratch, at: position - window.lowerBound)
            guard header.totalSize >= RecordBatchHeader.size, body(header, position) else { return }
            position += header.totalSize
        }
    }

    /// Deletes both files.
    func delete() throws(StorageError) {
        openFile = nil
        try FileSystem.remove(path)
        try FileSystem.remove(indexPath)
    }
}
