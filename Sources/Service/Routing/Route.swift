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

/// A path of literal segments, of which one may be `{id}`.
struct PathPattern: Sendable, Hashable {
    let text: String
    private let segments: [Substring]

    init(_ text: String) {
        self.text = text
        segments = text.split(separator: "/", omittingEmptySubsequences: false)
    }

    /// The identifier in a path of this pattern (empty for patterns without one); nil for other paths.
    func match(_ path: String) -> Substring? {
        let found = path.split(separator: "/", omittingEmptySubsequences: false)
        guard found.count == segments.count else { return nil }
        var identifier: Substring = ""
        for (segment, pattern) in zip(found, segments) {
            if pattern == "{id}" {
                guard !segment.isEmpty else { return nil }
                identifier = segment
            } else if segment != pattern {
                return nil
            }
        }
        return identifier
    }
}

/// All operations, looked up by path.
struct RouteTable: Sendable {
    private struct Resource {
        let pattern: PathPattern
        var routes: [Route]
    }

    private var resources: [Resource] = []
    /// Resources without a variable segment, so that most lookups split nothing.
    private var indexByPath: [String: Int] = [:]

    init(_ routes: [Route]) {
        for route in routes {
            if let index = resources.firstIndex(where: { $0.pattern == route.pattern }) {
                resources[index].routes.append(route)
            } else {
                indexByPath[route.pattern.text] = resources.count
                resources.append(Resource(pattern: route.pattern, routes: [route]))
            }
        }
    }

    /// The operations at a path, and the identifier in it.
    func routes(at path: String) -> (pattern: String, identifier: String, routes: [Route])? {
        if let index = indexByPath[path], !path.contains("{") {
            return (path, "", resources[index].routes)
        }
        for resource in resources {
            if let identifier = resource.pattern.match(path), !identifier.isEmpty {
                return (resource.pattern.text, String(identifier), resource.routes)
            }
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
