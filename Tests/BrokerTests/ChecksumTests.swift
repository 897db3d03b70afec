import CLinux
import Testing

@testable import EmbeddedBroker

@Suite struct ChecksumTests {
    @Test func `CRC-32C has the value that RFC 3720 gives`() {
        #expect(crc32c(Array("123456789".utf8)) == 0xE306_9283)
        #expect(crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    }

    @Test func `the instruction and the software agree`() {
        var generator = SystemRandomNumberGenerator()
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(crc32c(bytes) == holdfast_crc32c_software(0, bytes, bytes.count))
        }
    }
}
