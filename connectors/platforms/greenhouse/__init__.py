from connectors.platforms.greenhouse.connector import GreenhouseConnector

CONNECTOR = GreenhouseConnector
