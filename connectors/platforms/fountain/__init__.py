from connectors.platforms.fountain.connector import FountainConnector

CONNECTOR = FountainConnector
