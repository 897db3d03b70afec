/// Random numbers for IDs and jitter: well spread, but no secret.
///
/// The system's generator costs a system call for each number, of which a request takes up to 18.
/// Source: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators" (xoshiro256++).
package struct FastRandomness: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// Starts anywhere, by 256 bits from the system.
    package init() {
        var system = SystemRandomNumberGenerator()
        // All zeros is the one state that the generator never leaves.
        state = (system.next() | 1, system.next(), system.next(), system.next())
    }

    package mutating func next() -> UInt64 {
        let result = (state.0 &+ state.3).rotated(by: 23) &+ state.0
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = state.3.rotated(by: 45)
        return result
    }
}

extension UInt64 {
    fileprivate func rotated(by bits: UInt64) -> UInt64 { self << bits | self >> (64 - bits) }
}
