import Engine
import Service
import Settings
import Testing

@Suite("Settings")
struct ConfigurationTests {
    @Test("flags win over the environment, and both over defaults")
    func precedence() throws {
        let both = try Configuration(
            arguments: ["--port", "81", "--host=0.0.0.0"],
            environment: ["RESTORED_PORT": "80", "RESTORED_QUEUE_LIMIT": "5", "HOME": "/"])
        #expect(both.port == 81)
        #expect(both.host == "0.0.0.0")
        #expect(both.queueLimit == 5)
        #expect(both.bodyLimit == 33_554_432)
        #expect(try Configuration(arguments: [], environment: [:]) == Configuration())
    }

    @Test("bundles are one or several; what names some replaces the default")
    func bundles() throws {
        #expect(try Configuration(arguments: [], environment: [:]).bundles == ["Weights/mini"])
        #expect(try Configuration(arguments: [], environment: ["RESTORED_BUNDLE": "/a"]).bundles == ["/a"])
        let both = try Configuration(
            arguments: ["--bundle", "x", "--bundle=/y"], environment: ["RESTORED_BUNDLE": "/a,/b"])
        #expect(both.bundles == ["x", "/y"])
        #expect(try Configuration(arguments: [], environment: ["RESTORED_BUNDLE": "/a,/b"]).bundles == ["/a", "/b"])
    }

    @Test("what is fetched is served: alone, or behind what is named, even where that is the default")
    func fetches() throws {
        #expect(try Configuration(arguments: ["--fetch", "x", "--fetch=y", "--fetch", "x"], environment: [:]).bundles == ["x", "y"])
        #expect(try Configuration(arguments: [], environment: ["RESTORED_FETCH": "x,y"]).bundles == ["x", "y"])
        let named = try Configuration(
            arguments: ["--fetch", "x", "--fetch", "y"], environment: ["RESTORED_BUNDLE": "Weights/mini,y"])
        #expect(named.bundles == ["Weights/mini", "y", "x"] && named.fetches == ["x", "y"])
    }

    @Test("weights get a quarter of the memory where nobody says how much, and then a larger bundle may be there alone")
    func weightsMemory() throws {
        let machine = MachineLimits(processors: 2, memory: 8 << 30)
        let chosen = try Configuration(arguments: [], environment: [:]).fitted(to: machine)
        #expect(chosen.weightsLimit == WeightsLimit(bytes: 2 << 30, isStrict: false))
        let given = try Configuration(arguments: ["--weights-memory", "1000"], environment: [:]).fitted(to: machine)
        #expect(given.weightsLimit == WeightsLimit(bytes: 1_000, isStrict: true))
    }

    @Test("mistakes are named", arguments: [
        (["--prot", "80"], [:], "--prot"), (["80"], [:], "80"), (["--port"], [:], "--port"),
        (["--port", "65536"], [:], "--port"), (["--port", "x"], [:], "--port"), (["--port="], [:], "--port"),
        (["--port", "1", "--port", "2"], [:], "--port"), (["--queue-limit", "0"], [:], "--queue-limit"),
        (["--log-format", "xml"], [:], "--log-format"), (["--precision", "fp16"], [:], "--precision"),
        ([], ["RESTORED_PRECISION": "BF16"], "RESTORED_PRECISION"), ([], ["RESTORED_PROT": "1"], "RESTORED_PROT"),
        ([], ["RESTORED_TIMEOUT": "0"], "RESTORED_TIMEOUT"), (["--host", ""], [:], "--host"), (["--bundle", ""], [:], "--bundle"),
        (["--fetch", ""], [:], "--fetch"), (["--catalogue", ""], [:], "--catalogue"),
        ([], ["RESTORED_BUNDLE": ""], "RESTORED_BUNDLE"),
        (["--request-memory", "2000000"], [:], "--request-memory"), (["--head-limit", "4096"], [:], "--head-limit"),
        (["--cors-origin", "*"], [:], "--cors-origin"), (["--cors-origin", "https://a.example/x"], [:], "--cors-origin"),
        (["--megapixel-limit", "100"], [:], "--re"), (["--result-memory", "1048576"], [:], "--result-memory"),
    ] as [([String], [String: String], String)])
    func mistakes(arguments: [String], environment: [String: String], named: String) {
        #expect {
            try Configuration(arguments: arguments, environment: environment)
        } throws: {
            "\($0)".contains(named)
        }
    }

    @Test("every whole-number setting takes its bounds and nothing past them")
    func bounds() {
        for setting in Setting.all {
            guard let bounds = setting.bounds else { continue }
            for value in [bounds.lowerBound - 1, bounds.upperBound + 1] {
                #expect(throws: ConfigurationError.self) {
                    try Configuration(arguments: [setting.flag, String(value)], environment: [:])
                }
            }
        }
    }

    @Test("with every whole number at its upper bound the server can keep all of them")
    func upperBounds() throws {
        let arguments = Setting.all.flatMap { setting in
            setting.bounds.map { [setting.flag, String($0.upperBound)] } ?? []
        }
        let configuration = try Configuration(arguments: arguments, environment: [:])
        #expect(configuration.server.problem == nil)
        #expect(configuration.imageLimits.pixels == 1_024_000_000)
        #expect(configuration.boundedBytes == 3 << 40)
    }

    @Test("a bad key is refused without being repeated", arguments: ["short", "with space in", "comma,comma,x", "ümlaut-ümlaut"])
    func badKeys(key: String) {
        #expect {
            try Configuration(arguments: ["--api-key", key], environment: [:])
        } throws: {
            !"\($0)".contains(key) && "\($0)".contains("API key")
        }
    }

    @Test("keys come from flags, the environment and files")
    func keys() throws {
        let flags = try Configuration(
            arguments: ["--api-key", "first-key-1", "--api-key", "second-key"],
            environment: ["RESTORED_API_KEY": "from-environment"])
        #expect(flags.apiKeys == ["first-key-1", "second-key"])
        var environment = try Configuration(
            arguments: [], environment: ["RESTORED_API_KEY": "from-environment,and-another"])
        #expect(environment.apiKeys == ["from-environment", "and-another"])
        try environment.addKeys(inFile: "# keys\n\n  in-a-file-1 \r\nin-a-file-2\n")
        #expect(environment.apiKeys.suffix(2) == ["in-a-file-1", "in-a-file-2"])
    }

    @Test("a key file or variable without a key in it is a mistake, not an open service", arguments: ["", ",", ",,"])
    func variablesWithoutKeys(value: String) {
        #expect {
            try Configuration(arguments: [], environment: ["RESTORED_API_KEY": value])
        } throws: {
            "\($0)".contains("RESTORED_API_KEY")
        }
    }

    @Test("a key file without a key in it, or without a name, is a mistake too")
    func keyFilesWithoutKeys() {
        for text in ["", "\n\n", "# only a comment\n", "  \r\n# x\n"] {
            #expect(throws: ConfigurationError.self) {
                var configuration = Configuration()
                try configuration.addKeys(inFile: text)
            }
        }
        #expect(throws: ConfigurationError.self) {
            try Configuration(arguments: ["--api-key-file", ""], environment: [:])
        }
        #expect(throws: ConfigurationError.self) {
            try Configuration(arguments: [], environment: ["RESTORED_API_KEY_FILE": ""])
        }
    }

    @Test("names are unique and help has them all")
    func help() {
        #expect(Set(Setting.all.map(\.name)).count == Setting.all.count)
        for setting in Setting.all {
            #expect(Configuration.help.contains("\(setting.flag) "))
            #expect(Configuration.help.contains(setting.environmentVariable))
        }
        #expect(Configuration.help.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(Configuration().server.problem == nil)
    }

    @Test("what is left open is chosen for the machine, and what is set stays", arguments: [
        ([], 2, 1, 2), ([], 16, 2, 8), ([], 12, 1, 12), ([], 1, 1, 1), (["--threads", "4"], 16, 4, 4),
        (["--workers", "4"], 16, 4, 4), (["--workers", "4"], 2, 4, 1), (["--workers", "3", "--threads", "5"], 2, 3, 5),
    ] as [([String], Int, Int, Int)])
    func fitted(arguments: [String], processors: Int, workers: Int, threads: Int) throws {
        let machine = MachineLimits(processors: processors, memory: 4 << 30)
        let fitted = try Configuration(arguments: arguments, environment: [:]).fitted(to: machine)
        #expect((fitted.workers, fitted.threads) == (workers, threads))
        #expect(fitted.memoryBudget == 2 << 30)
    }

    @Test("the memory budget is what is set, else half the memory or what other limits leave of it, and never too small for a tile")
    func memoryBudget() throws {
        // With the defaults 1280 MiB are for requests and results, and 256 MiB for the program.
        for (memory, budget) in [(4096, 2048), (3072, 1536), (3071, 1535), (2048, 512), (1664, 128), (1600, 64), (1599, 64)] {
            let machine = MachineLimits(processors: 1, memory: memory << 20)
            #expect(Configuration().fitted(to: machine).memoryBudget == budget << 20)
        }
        let frugal = try Configuration(arguments: ["--request-memory", "700MiB"], environment: [:])
        #expect(frugal.fitted(to: MachineLimits(processors: 1, memory: 2 << 30)).memoryBudget == 836 << 20)
        let set = try Configuration(arguments: [], environment: ["RESTORED_MEMORY_BUDGET": "67108864"])
        #expect(set.fitted(to: MachineLimits(processors: 1, memory: 1 << 40)).memoryBudget == 64 << 20)
        #expect(Configuration().fitted(to: MachineLimits(processors: 1, memory: 1 << 20)).memoryBudget == 64 << 20)
        #expect {
            try Configuration(arguments: ["--memory-budget", "67108863"], environment: [:])
        } throws: {
            "\($0)".contains("--memory-budget")
        }
    }

    @Test("an IPv6 address may stand in brackets, as in a URL, by flag and by variable")
    func bracketedHost() throws {
        func host(_ text: String) throws -> String {
            let byFlag = try Configuration(arguments: ["--host", text], environment: [:]).host
            #expect(try Configuration(arguments: [], environment: ["RESTORED_HOST": text]).host == byFlag)
            return byFlag
        }
        #expect(try host("[::]") == "::")
        #expect(try host("[fd00::1]") == "fd00::1")
        #expect(try host("[fe80::1%eth0]") == "fe80::1%eth0")
        for other in ["::1", "photos.example", "[photos]", "[::1", "::1]", "[]", "[::1]:80"] {
            #expect(try host(other) == other)
        }
    }

    @Test("a job store is named by flag or variable; a wrong address is told without its password, and roles need one")
    func jobStore() throws {
        #expect(try Configuration(arguments: [], environment: [:]).jobStoreAddress == nil)
        let url = "rediss://:hidden@store.example/2"
        let chosen = try Configuration(
            arguments: ["--role", "front"], environment: ["RESTORED_JOB_STORE": url, "RESTORED_JOB_LEASE": "1m"])
        #expect(chosen.jobStoreAddress?.host == "store.example" && chosen.jobStoreAddress?.database == 2)
        #expect(chosen.serviceRole == .front && chosen.jobLease == 60)
        let mistakes: [([String], String)] = [
            (["--job-store", "http://:hidden@store"], "--job-store"), (["--job-store", "redis://:hidden@store/x"], "--job-store"),
            (["--role", "worker"], "--role worker needs a --job-store"), (["--role", "none"], "--role"),
            (["--job-store", url, "--body-limit", "512MiB", "--request-memory", "8GiB"], "--result-memory"),
            (["--job-store", url, "--body-limit", "536870913", "--result-memory", "1GiB", "--request-memory", "8GiB"], "--body-limit"),
        ]
        for (arguments, part) in mistakes {
            let error = #expect(throws: ConfigurationError.self) {
                _ = try Configuration(arguments: arguments, environment: [:])
            }
            #expect(error?.description.contains(part) == true && error?.description.contains("hidden") == false)
        }
    }

    @Test("the health command asks where the service listens")
    func readiness() throws {
        func urls(_ host: String) throws -> [String] {
            try Configuration(arguments: ["--host", host, "--port", "9"], environment: [:]).readinessURLs
        }
        #expect(try urls("0.0.0.0") == ["http://127.0.0.1:9/health/ready"])
        // Either family may be absent.
        #expect(try urls("::") == ["http://[::1]:9/health/ready", "http://127.0.0.1:9/health/ready"])
        #expect(try urls("[::]") == urls("::"))
        #expect(try urls("[fd00::1]") == urls("fd00::1"))
        #expect(try urls("fd00::1") == ["http://[fd00::1]:9/health/ready"])
        #expect(try urls("fe80::1%eth0") == ["http://[fe80::1%25eth0]:9/health/ready"])
        #expect(try urls("10.1.2.3") == ["http://10.1.2.3:9/health/ready"])
        #expect(try urls("localhost") == ["http://localhost:9/health/ready"])
    }
}
