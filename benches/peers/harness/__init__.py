"""What every part uses: processes, Docent, its peers' installation, tables."""
