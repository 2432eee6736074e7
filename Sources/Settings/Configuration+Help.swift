extension Configuration {
    /// The settings as `serve --help` lists them: flag, environment variable, help, bounds and default.
    package static var help: String {
        let defaults = Configuration()
        let lines = Setting.all.map { setting in
            """
              \(setting.flag) \(setting.placeholder), \(setting.environmentVariable)
                  \(setting.help)
                  \(setting.remarks(defaults: defaults))
            """
        }
        return "SETTINGS, each a flag or an environment variable (the flag wins):\n" + lines.joined(separator: "\n")
    }
}

extension Setting {
    fileprivate var placeholder: String {
        switch value {
        case .integer(_, let unit, _): unit == .none ? "NUMBER" : unit.rawValue.uppercased()
        case .text(_, let form), .list(_, let form): form
        case .choice(_, let choices): choices.joined(separator: "|")
        }
    }

    fileprivate func remarks(defaults: Configuration) -> String {
        var remarks: [String] = []
        if case .integer(_, _, let bounds) = value { remarks.append("\(bounds.lowerBound)...\(bounds.upperBound)") }
        let standard = text(in: defaults)
        remarks.append(standard.isEmpty ? "unset by default" : "default \(standard)")
        return remarks.joined(separator: ", ")
    }
}
