import Engine
import Scheduling

/// Prints metrics in the text format 0.0.4 of Prometheus.
struct PrometheusText {
    static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var text = ""

    enum Kind: String {
        case counter, gauge, histogram
    }

    /// Starts a family of series.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: some Numeric) {
        text += "\(name)\(Self.labelText(labels)) \(value)\n"
    }

    /// A family of one series.
    mutating func gauge(_ name: String, _ help: String, _ value: some Numeric) {
        family(name, .gauge, help)
        sample(name, [], value)
    }

    /// A family of one series.
    mutating func counter(_ name: String, _ help: String, _ value: some Numeric) {
        family(name, .counter, help)
        sample(name, [], value)
    }

    /// A family of series, each with its labels.
    mutating func family(
        _ name: String, _ kind: Kind, _ help: String, _ series: some Sequence<(labels: [(String, String)], value: Int)>
    ) {
        family(name, kind, help)
        for one in series { sample(name, one.labels, one.value) }
    }

    /// A family of series that what was done and by which bundle tell apart.
    mutating func counters(_ name: String, _ help: String, by label: String, _ counts: [Metrics.WorkKey: Int]) {
        family(
            name, .counter, help,
            counts.sorted { $0.key < $1.key }.map { ([(label, $0.key.outcome), ("bundle", $0.key.bundle)], $0.value) })
    }

    /// A family of one histogram.
    mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        family(name, .histogram, help)
        samples(name, [], histogram)
    }

    /// A family of series that one label tells apart.
    mutating func histograms(_ name: String, _ help: String, by label: String, _ histograms: [String: Histogram]) {
        family(name, .histogram, help)
        for (value, one) in histograms.sorted(by: { $0.key < $1.key }) { samples(name, [(label, value)], one) }
    }

    private mutating func samples(_ name: String, _ labels: [(String, String)], _ histogram: Histogram) {
        var total = 0
        for (bound, count) in zip(histogram.bounds, histogram.counts) {
            total += count
            sample(name + "_bucket", labels + [("le", "\(bound)")], total)
        }
        total += histogram.counts.last ?? 0
        sample(name + "_bucket", labels + [("le", "+Inf")], total)
        sample(name + "_sum", labels, histogram.sum)
        sample(name + "_count", labels, total)
    }

    private static func labelText(_ labels: [(String, String)]) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",") + "}"
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for character in value {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
        return text
    }
}
