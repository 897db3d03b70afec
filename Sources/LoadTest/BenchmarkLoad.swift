import Messages

/// What a benchmark keeps of a load test's report.
package struct BenchmarkLoad: Sendable {
    /// What a process cost, or all instances of one service together.
    package struct Cost: Sendable, Equatable {
        package var name: String
        package var microsPerRequest: Double
        package var memoryGrowthBytes: Double
    }

    package var settings: [String: String] = [:]
    package var requests = 0
    package var perSecond = 0.0
    /// Milliseconds by name, such as "p50".
    package var latencies: [String: Double] = [:]
    package var outcomes: [String: Int] = [:]
    package var curve: [(share: Double, millis: Double)] = []
    package var costs: [Cost] = []
    package var connectionsLost = 0
    package var handshakesFailed = 0
    /// Whether the database had what clients were told.
    package var isTrue = false

    package var p50: Double { latencies["p50"] ?? 0 }
    package var p99: Double { latencies["p99"] ?? 0 }

    /// Shoppers, of whom each has a cart and a websocket.
    package var users: Int { Int((settings["users"] ?? "").filter { $0 != "," }) ?? 0 }

    /// What all processes of the suite and the generator took of CPU for one request.
    package var microsPerRequest: Double {
        costs.reduce(0) { $0 + ($1.name == UsageMeter.restName ? 0 : $1.microsPerRequest) }
    }

    /// The same without the generator: what a shop has to pay for.
    package var suiteMicrosPerRequest: Double {
        costs.reduce(0) {
            $0
                + ([UsageMeter.restName, UsageMeter.ownName].contains($1.name)
                    ? 0 : $1.microsPerRequest)
        }
    }

    /// How many requests a second of one processor is enough for, on the side of the suite.
    package var perSuiteSecond: Double {
        suiteMicrosPerRequest > 0 ? 1_000_000 / suiteMicrosPerRequest : 0
    }

    package init() {}

    /// Reads the JSON of a ``LoadReport``; `nil` for anything else.
    package init?(json: [UInt8]) {
        guard let report = try? JSONValue.fields(of: json) else { return nil }
        let root = JSONValue.object(report)
        let total = root.field("total")
        guard let perSecond = total.field("answersPerSecond").double else { return nil }
        self.perSecond = perSecond
        settings = root.field("settings").object.reduce(into: [:]) { $0[$1.name] = $1.value.text }
        requests = total.field("requests").integer
        latencies = total.field("latencyMillis").object.reduce(into: [:]) {
            $0[$1.name] = $1.value.double
        }
        outcomes = total.field("outcomes").object.reduce(into: [:]) {
            $0[$1.name] = $1.value.integer
        }
        curve = root.field("percentiles").elements.map {
            ($0.field("share").double ?? 0, $0.field("millis").double ?? 0)
        }
        for process in root.field("processes").elements {
            note(
                Cost(
                    name: Self.kind(process.field("name").text),
                    microsPerRequest: process.field("cpuMicrosPerRequest").double ?? 0,
                    memoryGrowthBytes: process.field("memoryGrowthBytes").double ?? 0))
        }
        connectionsLost = root.field("connectionsLost").integer
        handshakesFailed = root.field("handshakesFailed").integer
        isTrue = root.field("truth").field("isTrue") == .boolean(true)
    }

    private mutating func note(_ cost: Cost) {
        guard let index = costs.firstIndex(where: { $0.name == cost.name }) else {
            costs.append(cost)
            return
        }
        costs[index].microsPerRequest += cost.microsPerRequest
        costs[index].memoryGrowthBytes += cost.memoryGrowthBytes
    }

    /// The service of an instance: `cart` for `cart-2`.
    private static func kind(_ process: String) -> String {
        guard let dash = process.lastIndex(of: "-"),
            Int(process[process.index(after: dash)...]) != nil
        else { return process }
        return String(process[..<dash])
    }
}

extension JSONValue {
    fileprivate func field(_ name: String) -> JSONValue { self[name] ?? .null }

    fileprivate var object: [Field] {
        if case .object(let fields) = self { fields } else { [] }
    }

    fileprivate var elements: [JSONValue] {
        if case .array(let elements) = self { elements } else { [] }
    }

    fileprivate var text: String { if case .string(let text) = self { text } else { "" } }

    fileprivate var double: Double? {
        if case .number(let text) = self { Double(text) } else { nil }
    }

    fileprivate var integer: Int { Int(double ?? 0) }
}
