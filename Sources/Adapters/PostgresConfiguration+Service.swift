package import PostgresShim

extension PostgresConfiguration {
    /// A configuration for the services' batches, which only ever look rows up by their keys.
    ///
    /// Plans are made once per connection, often while the tables are still empty and a sequential
    /// scan looks cheap; the settings leave the planner index look-ups only.
    package static func service(url: String, applicationName: String) -> PostgresConfiguration {
        var configuration = PostgresConfiguration(url: url, applicationName: applicationName)
        configuration.settings = [
            "plan_cache_mode": "force_generic_plan",
            "enable_seqscan": "off",
            "enable_hashjoin": "off",
            "enable_mergejoin": "off",
            "jit": "off",
        ]
        return configuration
    }
}
