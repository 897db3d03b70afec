import Telemetry
import Testing

@Suite struct TraceContextTests {
    private static let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func `the standard's example is read and written unchanged`() throws {
        let context = try #require(TraceContext(traceparent: Self.valid))
        #expect(context.traceID == 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c)
        #expect(context.parentID == 0xb7ad_6b71_6920_3331)
        #expect(context.flags == 1)
        #expect(context.traceparent == Self.valid)
    }

    @Test func `small numbers keep their leading zeros`() throws {
        let context = TraceContext(traceID: 1, parentID: 2, flags: 0)
        #expect(
            context.traceparent == "00-00000000000000000000000000000001-0000000000000002-00")
        #expect(TraceContext(traceparent: context.traceparent) == context)
    }

    @Test func `a later version is read as far as it is known`() {
        let later = "cc" + Self.valid.dropFirst(2)
        #expect(TraceContext(traceparent: later)?.traceparent == Self.valid)
        #expect(TraceContext(traceparent: later + "-what-comes") != nil)
    }

    @Test(arguments: [
        "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
        "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
    ])
    func `what breaks the standard is refused`(header: String) {
        #expect(TraceContext(traceparent: header) == nil)
    }

    @Test func `new traces differ and can be read back`() {
        let traces = (0..<100).map { _ in TraceContext.random() }
        #expect(Set(traces.map(\.traceID)).count == 100)
        #expect(traces.allSatisfy { TraceContext(traceparent: $0.traceparent) == $0 })
    }
}
