"""Partners that connect clinics to electronic health records: Redox and Xealth."""
