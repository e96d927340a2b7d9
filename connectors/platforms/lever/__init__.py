from connectors.platforms.lever.connector import LeverConnector

CONNECTOR = LeverConnector
