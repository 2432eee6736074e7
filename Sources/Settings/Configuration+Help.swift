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
        return """
            SETTINGS, each a flag or an environment variable (the flag wins). Sizes are
            written as 64KiB, 1.5GiB or 100MB, durations as 90s, 10m or 1h30m; plain
            numbers are bytes and seconds:

            """ + lines.joined(separator: "\n")
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
        if let boundsText { remarks.append(boundsText) }
        let standard = text(in: defaults)
        remarks.append(standard.isEmpty ? "unset by default" : "default \(standard)")
        return remarks.joined(separator: ", ")
    }
}
