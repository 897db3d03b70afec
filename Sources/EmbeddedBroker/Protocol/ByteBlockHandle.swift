import CLinux
import Glibc

/// A piece of memory of fixed capacity that frames are received into and read from.
///
/// A class, because a reader of a frame and the connection that fills it share it: an array would be
/// copied as soon as a reader still holds it while the next bytes arrive.
@safe final class ByteBlock {
    private let base: UnsafeMutableRawPointer
    /// How many bytes the block has room for.
    let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        unsafe base = .allocate(byteCount: max(1, capacity), alignment: 16)
    }

    /// A block that holds a copy of `bytes`.
    convenience init(copying bytes: some Collection<UInt8>) {
        self.init(capacity: bytes.count)
        unsafe UnsafeMutableRawBufferPointer(start: base, count: capacity).copyBytes(from: bytes)
    }

    deinit { unsafe base.deallocate() }

    /// The big-endian integer at `position`.
    @inline(__always)
    func integer<T: FixedWidthInteger>(_ type: T.Type, at position: Int) -> T {
        precondition(position >= 0 && position <= capacity - MemoryLayout<T>.size)
        return T(
            bigEndian: unsafe base.loadUnaligned(fromByteOffset: position, as: T.self))
    }

    /// Replaces the integer at `position`, big-endian.
    func store<T: FixedWidthInteger>(_ value: T, at position: Int) {
        precondition(position >= 0 && position <= capacity - MemoryLayout<T>.size)
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: position, as: T.self)
    }

    /// Lends the bytes of a range.
    @inline(__always)
    func withBytes<R>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        precondition(range.lowerBound >= 0 && range.upperBound <= capacity)
        return unsafe body(
            UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// Lends the bytes of a range to be overwritten.
    @inline(__always)
    func withMutableBytes<R>(
        _ range: Range<Int>, _ body: (UnsafeMutableRawBufferPointer) -> R
    ) -> R {
        precondition(range.lowerBound >= 0 && range.upperBound <= capacity)
        return unsafe body(
            UnsafeMutableRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// A copy of a range.
    func array(_ range: Range<Int>) -> [UInt8] {
        unsafe withBytes(range) { unsafe Array($0) }
    }

    /// The text in a range; `nil` where it is not UTF-8.
    func string(_ range: Range<Int>) -> String? {
        unsafe withBytes(range) { unsafe String(validating: $0, as: UTF8.self) }
    }

    /// Copies a range of another block, or of this one, to `position`.
    func copy(from source: ByteBlock, _ range: Range<Int>, to position: Int) {
        unsafe source.withBytes(range) { bytes in
            unsafe withMutableBytes(position..<position + range.count) { room in
                guard let to = room.baseAddress, let from = bytes.baseAddress
                else { return }
                unsafe memmove(to, from, bytes.count)
            }
        }
    }

    /// CRC-32C of a range.
    func crc32c(_ range: Range<Int>) -> UInt32 {
        unsafe withBytes(range) { unsafe holdfast_crc32c(0, $0.baseAddress, $0.count) }
    }
}

/// CRC-32C (Castagnoli) of `bytes`, as record batches and journals use it.
func crc32c(_ bytes: [UInt8]) -> UInt32 {
    unsafe bytes.withUnsafeBytes { unsafe holdfast_crc32c(0, $0.baseAddress, $0.count) }
}
