from connectors.platforms.ashby.connector import AshbyConnector

CONNECTOR = AshbyConnector
