/// The memory of requests that came in part: bounded in all, and used again.
///
/// Loop thread only.
final class BlockPool {
    /// Bytes lent out.
    private(set) var lentBytes = 0

    private let bytesMax: Int
    private var spare: [ByteBlock] = []
    private var spareBytes = 0
    /// Blocks beyond this are given back to the system, in bytes.
    private static let spareBytesMax = 8 * 1_024 * 1_024

    /// - Parameter bytesMax: how much may be lent out at once.
    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// A block with at least this capacity; `nil` where that would be too much in all.
    func take(_ capacity: Int) -> ByteBlock? {
        guard lentBytes + capacity <= bytesMax else { return nil }
        let block: ByteBlock
        // Not one that is far too large: a few small requests would hold all the memory.
        let index = spare.firstIndex { $0.capacity >= capacity && $0.capacity <= 4 * capacity }
        if let index {
            block = spare.remove(at: index)
            spareBytes -= block.capacity
        } else {
            block = ByteBlock(capacity: capacity)
        }
        lentBytes += block.capacity
        return block
    }

    /// Takes a block back.
    func giveBack(_ block: ByteBlock) {
        lentBytes -= block.capacity
        guard block.capacity >= 64 * 1_024, spareBytes + block.capacity <= Self.spareBytesMax
        else { return }
        spare.append(block)
        spareBytes += block.capacity
    }
}
