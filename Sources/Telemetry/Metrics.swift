import Synchronization

/// The metrics of one process, rendered in Prometheus' text exposition format 0.0.4.
///
/// Register each metric once and keep the returned handle: updating it is a few atomic operations,
/// registering takes a lock. Registering the same name with the same labels again returns the same
/// handle; with another kind it is a programming error.
package final class MetricsRegistry: Sendable {
    private enum Series: Sendable {
        case counter(Counter)
        case gauge(Gauge)
        case computed(@Sendable () -> Double)
        case histogram(Histogram)
    }

    private struct Family: Sendable {
        let kind: String
        let help: String
        var order: [String] = []
        var series: [String: Series] = [:]
    }

    private struct State: Sendable {
        var order: [String] = []
        var families: [String: Family] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// A number that only grows; by convention its name ends in `_total`.
    package func counter(
        _ name: String, help: String, labels: KeyValuePairs<String, String> = [:]
    ) -> Counter {
        let made = register(name, "counter", help, labels) { .counter(Counter()) }
        guard case .counter(let counter) = made else {
            preconditionFailure("metric \(name) is registered as another kind")
        }
        return counter
    }

    /// A number that goes up and down.
    package func gauge(
        _ name: String, help: String, labels: KeyValuePairs<String, String> = [:]
    ) -> Gauge {
        let made = register(name, "gauge", help, labels) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = made else {
            preconditionFailure("metric \(name) is registered as another kind")
        }
        return gauge
    }

    /// A gauge that is read when somebody looks.
    package func computedGauge(
        _ name: String, help: String, labels: KeyValuePairs<String, String> = [:],
        _ read: @escaping @Sendable () -> Double
    ) {
        _ = register(name, "gauge", help, labels) { .computed(read) }
    }

    /// A distribution, in seconds unless the name says otherwise.
    ///
    /// - Parameter bounds: the upper bounds of the buckets, ascending; `+Inf` is added.
    package func histogram(
        _ name: String, help: String, labels: KeyValuePairs<String, String> = [:],
        bounds: [Double] = Histogram.latencyBounds
    ) -> Histogram {
        let made = register(name, "histogram", help, labels) {
            .histogram(Histogram(bounds: bounds))
        }
        guard case .histogram(let histogram) = made else {
            preconditionFailure("metric \(name) is registered as another kind")
        }
        return histogram
    }

    /// Everything in Prometheus' text format.
    package func render() -> String {
        let snapshot = state.withLock { $0 }
        var text = ""
        for name in snapshot.order {
            guard let family = snapshot.families[name] else { continue }
            text += "# HELP \(name) \(escapedHelp(family.help))\n# TYPE \(name) \(family.kind)\n"
            for labels in family.order {
                switch family.series[labels] {
                case .counter(let counter):
                    text += "\(name)\(braced(labels)) \(counter.value)\n"
                case .gauge(let gauge):
                    text += "\(name)\(braced(labels)) \(gauge.value)\n"
                case .computed(let read):
                    text += "\(name)\(braced(labels)) \(sample(read()))\n"
                case .histogram(let histogram):
                    histogram.render(name: name, labels: labels, to: &text)
                case nil:
                    break
                }
            }
        }
        return text
    }

    private func register(
        _ name: String, _ kind: String, _ help: String, _ labels: KeyValuePairs<String, String>,
        _ make: () -> Series
    ) -> Series {
        let labels = labels.map { "\($0.key)=\"\(escapedLabel($0.value))\"" }
            .joined(separator: ",")
        return state.withLock { state in
            if state.families[name] == nil {
                state.families[name] = Family(kind: kind, help: help)
                state.order.append(name)
            }
            guard state.families[name]?.kind == kind else {
                preconditionFailure("metric \(name) is registered as another kind")
            }
            if let known = state.families[name]?.series[labels] { return known }
            let made = make()
            state.families[name]?.series[labels] = made
            state.families[name]?.order.append(labels)
            return made
        }
    }
}

/// A number that only grows.
package final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    package init() {}

    /// Adds to the count.
    package func increment(by amount: Int = 1) { count.add(amount, ordering: .relaxed) }

    /// The count so far.
    package var value: Int { count.load(ordering: .relaxed) }
}

/// A number that goes up and down.
package final class Gauge: Sendable {
    private let level = Atomic<Int>(0)

    package init() {}

    /// Replaces the level.
    package func set(_ value: Int) { level.store(value, ordering: .relaxed) }

    /// Moves the level up, or down with a negative amount.
    package func add(_ amount: Int) { level.add(amount, ordering: .relaxed) }

    /// The level now.
    package var value: Int { level.load(ordering: .relaxed) }
}

/// A distribution in fixed buckets.
package final class Histogram: Sendable {
    /// From 100 microseconds to 10 seconds, in seconds.
    package static let latencyBounds: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
        5, 10,
    ]

    private struct State: Sendable {
        var counts: [Int]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    package init(bounds: [Double] = Histogram.latencyBounds) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    /// Counts one value.
    package func observe(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    /// Counts one duration, in seconds.
    package func observe(_ duration: Duration) {
        let parts = duration.components
        observe(Double(parts.seconds) + Double(parts.attoseconds) * 1e-18)
    }

    func render(name: String, labels: String, to text: inout String) {
        let snapshot = state.withLock { $0 }
        let separator = labels.isEmpty ? "" : ","
        var total = 0
        for (bound, count) in zip(bounds.map { "\($0)" } + ["+Inf"], snapshot.counts) {
            total += count
            text += "\(name)_bucket{\(labels)\(separator)le=\"\(bound)\"} \(total)\n"
        }
        text += "\(name)_sum\(braced(labels)) \(sample(snapshot.sum))\n"
        text += "\(name)_count\(braced(labels)) \(total)\n"
    }
}

private func braced(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

/// A number as the format spells it; Swift writes infinities and not-a-number otherwise.
private func sample(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return "\(value)"
}

/// Scalar by scalar: as characters, a carriage return and a line feed are one that is neither.
private func escapedLabel(_ value: String) -> String {
    var escaped = ""
    for scalar in value.unicodeScalars {
        switch scalar {
        case "\\": escaped += "\\\\"
        case "\"": escaped += "\\\""
        case "\n": escaped += "\\n"
        default: escaped.unicodeScalars.append(scalar)
        }
    }
    return escaped
}

private func escapedHelp(_ value: String) -> String {
    var escaped = ""
    for scalar in value.unicodeScalars {
        switch scalar {
        case "\\": escaped += "\\\\"
        case "\n": escaped += "\\n"
        default: escaped.unicodeScalars.append(scalar)
        }
    }
    return escaped
}
