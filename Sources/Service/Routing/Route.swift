import HTTPTypes

/// Where an operation is, and who may call it.
struct Route: Sendable {
    let method: HTTPRequest.Method
    let pattern: PathPattern
    /// Whether it needs a key where keys are set.
    let needsKey: Bool
    let operation: any Operation

    init(_ method: HTTPRequest.Method, _ pattern: String, needsKey: Bool = true, _ operation: any Operation) {
        self.method = method
        self.pattern = PathPattern(pattern)
        self.needsKey = needsKey
        self.operation = operation
    }
}

/// A path, in which one segment may be `{id}`.
struct PathPattern: Sendable, Hashable {
    let text: String
    private let start: Substring
    /// What follows the identifier; nil where there is none.
    private let end: Substring?

    init(_ text: String) {
        self.text = text
        let pieces = text.split(separator: "{id}", omittingEmptySubsequences: false)
        start = pieces[0]
        end = pieces.dropFirst().first
    }

    /// The identifier in a path of this pattern (empty for patterns without one); nil for other paths.
    func match(_ path: String) -> Substring? {
        guard let end else { return path == text ? "" : nil }
        guard path.hasPrefix(start), path.hasSuffix(end) else { return nil }
        let identifier = path.dropFirst(start.count).dropLast(end.count)
        return identifier.isEmpty || identifier.contains("/") ? nil : identifier
    }
}

/// All operations, looked up by path.
struct RouteTable: Sendable {
    private var resources: [(pattern: PathPattern, routes: [Route])] = []

    init(_ routes: [Route]) {
        for route in routes {
            if let index = resources.firstIndex(where: { $0.pattern == route.pattern }) {
                resources[index].routes.append(route)
            } else {
                resources.append((route.pattern, [route]))
            }
        }
    }

    /// The operations at a path, and the identifier in it.
    func routes(at path: String) -> (pattern: String, identifier: String, routes: [Route])? {
        for (pattern, routes) in resources {
            if let identifier = pattern.match(path) { return (pattern.text, String(identifier), routes) }
        }
        return nil
    }

    /// The methods of these operations, with those that every path has.
    static func allowed(_ routes: [Route]) -> [String] {
        var methods: [String] = []
        for route in routes {
            methods.append(route.method.rawValue)
            if route.method == .get { methods.append("HEAD") }
        }
        return methods + ["OPTIONS"]
    }

    /// Every method that some operation has, for `OPTIONS *`.
    var allMethods: [String] {
        var methods: [String] = []
        for method in resources.flatMap({ Self.allowed($0.routes) }) where !methods.contains(method) {
            methods.append(method)
        }
        return methods
    }
}
