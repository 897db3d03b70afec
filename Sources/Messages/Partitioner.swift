/// The partition of a key: Kafka's murmur2 partitioner, as in the Java client and in librdkafka's
/// `murmur2_random`.
///
/// Every producer of the suite partitions by it, so a service can tell a message that came to a
/// partition where its key does not belong.
package enum Partitioner {
    /// The partition of `key` among `count` partitions.
    package static func partition(of key: [UInt8], count: Int) -> Int {
        unsafe key.withUnsafeBufferPointer { unsafe partition(of: $0, count: count) }
    }

    /// The partition of a cart's messages among `count` partitions.
    package static func partition(of cartID: CartID, count: Int) -> Int {
        unsafe cartID.withUTF8 { unsafe partition(of: $0, count: count) }
    }

    private static func partition(of key: UnsafeBufferPointer<UInt8>, count: Int) -> Int {
        Int(unsafe murmur2(key) & 0x7FFF_FFFF) % count
    }

    /// Austin Appleby's MurmurHash2, 32 bits, with Kafka's seed.
    private static func murmur2(_ key: UnsafeBufferPointer<UInt8>) -> UInt32 {
        let multiplier: UInt32 = 0x5BD1_E995
        var hash: UInt32 = 0x9747_B28C ^ UInt32(truncatingIfNeeded: key.count)
        var word: UInt32 = 0
        var filled: UInt32 = 0
        for index in key.indices {
            word |= UInt32(unsafe key[index]) << (8 * filled)
            filled += 1
            if filled == 4 {
                word = word &* multiplier
                word ^= word >> 24
                word = word &* multiplier
                hash = hash &* multiplier ^ word
                word = 0
                filled = 0
            }
        }
        if filled > 0 {
            hash ^= word
            hash = hash &* multiplier
        }
        hash ^= hash >> 13
        hash = hash &* multiplier
        hash ^= hash >> 15
        return hash
    }
}
