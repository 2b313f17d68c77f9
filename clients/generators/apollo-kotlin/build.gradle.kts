plugins {
    id("com.apollographql.apollo") version "4.3.3"
}

dependencies {
    implementation("com.apollographql.apollo:apollo-runtime:4.3.3")
}

apollo {
    service("docent") {
        packageName.set("org.example.docent")
        // A copy of the server's /schema.graphql.
        schemaFile.set(file("src/main/graphql/schema.graphqls"))

        // A string of digits: it may be larger than a double is exact.
        mapScalarToKotlinString("BigInt")
        mapScalarToKotlinString("Cursor")
        // For java.time.Instant, give an adapter as the third argument of mapScalar.
        mapScalarToKotlinString("DateTime")
        mapScalarToKotlinAny("JSON")
    }
}
