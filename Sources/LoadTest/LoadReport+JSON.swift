import Messages

extension LoadReport {
    /// The report for programs: durations in seconds and milliseconds as their names say.
    package var json: [UInt8] {
        var json = JSONWriter(capacity: 16_384)
        json.object { json in
            json.field("scenario", scenario)
            json.key("settings")
            json.object { json in
                for setting in settings { json.field(named: setting.name, setting.value) }
            }
            json.key("total")
            total.encode(to: &json)
            json.list("phases", phases) { $0.encode(to: &$1) }
            json.list("operations", operations) { $0.encode(to: &$1) }
            json.list("percentiles", curve) { point, json in
                json.object { json in
                    json.field("share", number: point.share)
                    json.field("millis", number: point.millis)
                }
            }
            json.list("timeline", intervals) { $0.encode(to: &$1) }
            json.list("processes", costs) { $0.encode(to: &$1) }
            if let lateness {
                json.key("lateness")
                lateness.encode(to: &json)
            }
            json.field("connectionsLost", connectionsLost)
            json.field("handshakesFailed", handshakesFailed)
            json.field("pendingAnswers", pendingAnswers)
            json.field("malformedAnswers", malformedAnswers)
            json.key("truth")
            if let truth { truth.encode(to: &json) } else { json.raw(Array("null".utf8)) }
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }
}

extension LoadReport.Row {
    fileprivate func encode(to json: inout JSONWriter) {
        json.object { json in
            json.field("name", name)
            json.key("measured")
            json.boolean(isMeasured)
            json.field("seconds", number: seconds)
            json.field("requests", requests)
            json.field("answersPerSecond", number: rate)
            json.key("latencyMillis")
            json.object { json in
                json.field("mean", number: mean)
                for (share, millis) in zip(LoadReport.shares, latencies) {
                    json.field(named: share.name, number: millis)
                }
            }
            json.key("outcomes")
            json.object { json in
                for outcome in outcomes { json.field(named: outcome.name, outcome.value) }
            }
        }
    }
}

extension LoadReport.Cost {
    fileprivate func encode(to json: inout JSONWriter) {
        json.object { json in
            json.field("name", name)
            if let pid { json.field("pid", pid) }
            json.field("cpuSeconds", number: cpuSeconds)
            json.field("cores", number: cores)
            json.field("cpuMicrosPerRequest", number: microsPerRequest)
            json.field("memoryBytes", memoryBytes)
            json.field("memoryGrowthBytes", memoryGrowthBytes)
        }
    }
}

extension Interval {
    fileprivate func encode(to json: inout JSONWriter) {
        json.object { json in
            json.field("second", number: at)
            json.field("answersPerSecond", number: rate)
            json.field("accepted", accepted)
            json.field("rejected", rejected)
            json.field("others", others)
            json.field("p50Millis", number: p50)
            json.field("p99Millis", number: p99)
            json.field("maxMillis", number: max)
        }
    }
}

extension TruthCheck.Findings {
    fileprivate func encode(to json: inout JSONWriter) {
        json.object { json in
            json.key("isTrue")
            json.boolean(isTrue)
            json.field("holds", holds)
            json.field("piecesHeld", pieces)
            json.field("piecesAccepted", accepted)
            json.field("piecesSeeded", stock)
            json.field("expired", expired)
            json.key("lies")
            json.object { json in
                for lie in TruthCheck.Lie.allCases {
                    if let count = lies[lie] { json.field(named: lie.rawValue, count) }
                }
            }
            json.list("examples", examples) { $1.string($0) }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func field(_ name: StaticString, number: Double) {
        key(name)
        // Floating point's last digits tell nobody anything.
        raw(Array(numberText(number, places: 6).utf8))
    }

    fileprivate mutating func field(named name: String, number: Double) {
        member(name, numberText(number, places: 6))
    }

    fileprivate mutating func field(named name: String, _ value: Int) { member(name, "\(value)") }

    fileprivate mutating func field(named name: String, _ value: String) {
        member(name, Self.quoted(value))
    }

    /// A member whose name is known at run time alone.
    private mutating func member(_ name: String, _ json: String) {
        raw(Array("\(Self.quoted(name)):\(json)".utf8))
    }

    private static func quoted(_ text: String) -> String {
        var json = JSONWriter()
        json.string(text)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    fileprivate mutating func list<Element>(
        _ name: StaticString, _ elements: [Element], _ write: (Element, inout JSONWriter) -> Void
    ) {
        key(name)
        beginArray()
        for element in elements { write(element, &self) }
        endArray()
    }
}
